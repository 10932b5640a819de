import * as z from "zod";
import { eventKinds } from "../../model/control";

// The two agents are of different versions: messages only gain members, and what is unknown is left out.

const reference = z.int();

const newEvent = z.object({
  kind: z.enum(eventKinds).catch("alert"),
  host: z.string().nullable(), mac: z.string().nullable(), address: z.string().nullable(), text: z.string(),
});

/** What the agent that serves is told. */
export const toServing = z.discriminatedUnion("type", [
  /** The one that takes over passed its check; it receives descriptors at the unix datagram socket `at`. */
  z.object({ type: z.literal("take"), at: z.string(), pid: z.int().positive(), version: z.string() }),
  /** It serves. */
  z.object({ type: z.literal("serving") }),
  z.object({ type: z.literal("answer"), reference, answer: z.union([z.object({ ok: z.literal(true) }), z.object({ ok: z.literal(false), status: z.literal([403, 404, 409, 503]), reason: z.string() })]) }),
]);
export type ToServing = z.output<typeof toServing>;

/** What the agent that takes over is told. */
export const toTaking = z.discriminatedUnion("type", [
  z.object({ type: z.literal("refused"), reason: z.string() }),
  /** The database is closed, the folder free, and a descriptor sent for each of the keys. */
  z.object({
    type: z.literal("given"), version: z.string(), pid: z.int(), keys: z.array(z.string()), served: z.array(z.string()),
    offers: z.array(z.object({ address: z.string(), identity: z.string(), expiresAt: z.number(), port: z.string().exactOptional() })),
    sightings: z.array(z.object({ address: z.string(), mac: z.string() })).default([]),
  }),
  /** The other one will not come back. */
  z.object({ type: z.literal("yours") }),
  /** It took too long: the other one serves again. */
  z.object({ type: z.literal("back") }),
  // While the other one drains.
  z.object({ type: z.literal("event"), event: newEvent }),
  z.object({ type: z.literal("report"), reference, token: z.string(), stage: z.string(), text: z.string() }),
  z.object({ type: z.literal("done"), reference, token: z.string(), sshHostKeys: z.array(z.string()) }),
]);
export type ToTaking = z.output<typeof toTaking>;
