import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { classify } from "../../../provider/engine/dhcp/client";
import { PxeError } from "../../../provider/errors";
import { decodeDhcp, options, readOption } from "../../../provider/wire/dhcp";
import { corpus, type Verdict } from "./corpus";

/** Who refuses the packet; fails when it is refused by anything but the one code. */
function verdictOn(bytes: Uint8Array): Verdict {
  let stage: Verdict = "codec";
  try {
    const packet = decodeDhcp(bytes);
    stage = "engine";
    if (!packet.options.has(options.messageType.code)) stage = "bootp";
    classify(packet);
    return stage === "bootp" ? stage : "taken";
  } catch (error) {
    assert.ok(error instanceof PxeError && error.code === "PXE_PACKET_MALFORMED", String(error));
    return stage;
  }
}

describe("A38 F8 the corpus of malformed packets", () => {
  for (const { name, bytes, verdict } of corpus) {
    test(`A38 ${name}: ${verdict}`, () => { assert.equal(verdictOn(bytes), verdict); });
  }

  test("A38 what is cut after good options is good as far as it goes", () => {
    const broken = corpus.find(({ name }) => name === "a broken option after good ones");
    const packet = decodeDhcp(broken?.bytes ?? new Uint8Array(0));
    assert.deepEqual([...packet.options.keys()], [options.messageType.code, options.clientId.code]);
    assert.equal(readOption(packet.options, options.messageType), 1);
  });
});
