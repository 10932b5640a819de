import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Lab, type Target as LabTarget } from "../../lab";
import { changedTarget, ensureAgent, observeAgent, removeAgent, type DeployRequest } from "../../provider/deploy/agent";
import { closeAll } from "../../provider/deploy/control";
import { generateControlKey } from "../../provider/deploy/keys";
import { layout } from "../../provider/deploy/layout";
import type { PxeError } from "../../provider/errors";
import { serverSpec } from "../../provider/model/documents";
import { fakeBundle } from "../support/fake-bundle";
import { targetListing } from "./deploy-listing";

/** A way to the target that breaks after so many bytes towards it. */
class BrittleWay {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  left = Number.POSITIVE_INFINITY;

  constructor(machine: LabTarget) {
    this.#server = createServer((near) => {
      const far = connect(machine.port, machine.host);
      for (const socket of [near, far]) {
        this.#open.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => this.#open.delete(socket));
      }
      far.pipe(near);
      near.on("data", (chunk: Buffer) => {
        this.left -= chunk.length;
        if (this.left < 0) this.cut();
        else if (!far.write(chunk)) near.pause();
      });
      far.on("drain", () => near.resume());
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    assert.ok(address !== null && typeof address !== "string");
    return address.port;
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

describe("an SSH connection that is cut", () => {
  let lab: Lab;
  let machine: LabTarget;
  let way: BrittleWay;
  let request: DeployRequest;
  let pristine: string[] = [];
  const controlKey = generateControlKey();
  const removal = () => ({ target: request.target, owner: request.owner, controlKey, progress: () => undefined });

  before(async () => {
    lab = await Lab.create({ name: "deploy-interrupted" });
    machine = await lab.target();
    way = new BrittleWay(machine);
    const port = await way.listen();
    request = {
      target: { host: "127.0.0.1", port, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint },
      owner: "demo/dev", controlKey, server: serverSpec.parse({ interfaces: ["prov0"] }),
      bundleFolder: fakeBundle(join(lab.folder, "bundle")), progress: () => undefined,
    };
  });
  after(async () => {
    await closeAll();
    way.close();
    await lab.down();
  });

  test("in the middle of an upload is told as such, leaves no half file in place, and the next run completes", async () => {
    pristine = await targetListing(machine);
    way.left = 20_000_000;
    await assert.rejects(ensureAgent(request), (error: PxeError) => error.code === "PXE_CONNECTION_LOST" && changedTarget(error));
    const { stdout } = await machine.exec(`find ${layout.root} -type f ! -name '*.part'; systemctl list-units --all --plain --no-legend 'pulumi-pxe@*'`);
    assert.equal(stdout, "");
    way.left = Number.POSITIVE_INFINITY;
    await removeAgent(removal());
    assert.deepEqual(await targetListing(machine), pristine);
    const deployed = await ensureAgent(request);
    assert.equal((await observeAgent({ target: request.target, controlKey })).bundle, deployed.bundle);
    assert.equal((await machine.exec(`find ${layout.root} -name '*.part' -o -name '*.upload'`)).stdout, "");
  });

  test("between two runs is taken up by a new one", async () => {
    way.cut();
    await ensureAgent(request);
  });

  test("a disk that fills up in the middle of an upload is told as such, and the next run completes", async () => {
    await machine.exec(`systemctl stop 'pulumi-pxe@*'; rm -rf ${layout.root}`);
    await machine.mountSmall("/opt", 240_000);
    try {
      const begun = `for try in $(seq 1000); do [ -e ${layout.nodes} ] && break; sleep 0.01; done`;
      await machine.exec(`(${begun}; head -c 175000000 /dev/zero >/opt/filler) >/dev/null 2>&1 &`);
      await assert.rejects(ensureAgent(request), (error: PxeError) => error.code === "PXE_DISK_FULL" && changedTarget(error));
    } finally {
      await machine.unmountSmall("/opt");
    }
    await ensureAgent(request);
    assert.equal((await observeAgent({ target: request.target, controlKey })).running, true);
  });

  test("a removal that breaks off at its last steps is completed by the next one, of an agent that is silent by then", async () => {
    await machine.exec(`echo '[]' >${layout.data}/documents.json; mkdir ${layout.root}/busy; mount --bind ${layout.root}/busy ${layout.root}/busy`);
    try {
      await assert.rejects(removeAgent(removal()), { code: "PXE_COMMAND_FAILED" });
    } finally {
      await machine.exec(`umount ${layout.root}/busy`);
    }
    assert.equal((await machine.exec("getent passwd pulumi-pxe", { allowFailure: true })).stdout, "");
    await removeAgent(removal());
    const before = new Set(pristine.map((line) => line.split(" ")[0]));
    const left = (await targetListing(machine)).map((line) => line.split(" ")[0] ?? "").filter((path) => !before.has(path));
    assert.deepEqual(left, [layout.home, layout.kept, layout.data, `${layout.data}/documents.json`, layout.forget].sort());
    assert.equal((await machine.exec(`cat ${layout.forget}; stat -c '%a %U' ${layout.forget}`)).stdout, "demo/dev\n600 root\n");
  });
});
