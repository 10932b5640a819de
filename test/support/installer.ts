import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { InstallFacts } from "../../provider/engine/facts";
import type { PulumiProject } from "../../lab/project";

/** Posts what a host's installer would, from the host's own address. */
export class Installer {
  /** @param httpPort of the agent, on loopback */
  constructor(private readonly project: PulumiProject, private readonly httpPort: number, private readonly name: string, private readonly address: string) {}

  report(stage: string, text = ""): Promise<void> {
    return this.post("report", new URLSearchParams({ stage, text }).toString());
  }

  done(...hostKeys: readonly string[]): Promise<void> {
    return this.post("done", hostKeys.join("\n"));
  }

  private async post(kind: "report" | "done", body: string): Promise<void> {
    const path = `/${kind}/${this.token()}`;
    const status = await new Promise((resolve, reject) => {
      const client = request({ host: "127.0.0.1", port: this.httpPort, localAddress: this.address, method: "POST", path }, (response) => {
        response.resume();
        response.once("end", () => { resolve(response.statusCode); });
      });
      client.once("error", reject);
      client.end(body);
    });
    assert.equal(status, 200);
  }

  /** An installer finds the token in its answer file; this one in the agent's store. */
  private token(): string {
    const store = new DatabaseSync(join(this.project.stateHome, "pulumi-pxe", "agent", "data", "agent.db"), { readOnly: true });
    try {
      const facts = store.prepare("SELECT json FROM facts").all().map((row) => JSON.parse(String(row["json"])) as InstallFacts);
      const token = facts.find((item) => item.name === this.name)?.token;
      assert.ok(typeof token === "string", `no install of ${this.name} is under way`);
      return token;
    } finally {
      store.close();
    }
  }
}
