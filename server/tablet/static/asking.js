/* One request to the server, signed by the device's key (RFC 9421 in the contract's one form), and its answer. */
import { base64, fingerprint, sha256, sign } from "./keys.js";

const WAIT_MS = 10000;
const NONCE_BYTES = 16;

/* The server did not answer: no line, or an answer that did not come in time. */
export class NoLine extends Error {}

/* The server said no. `family` says what to do next; `afterS` for how long to be quiet, where it said so. */
export class Refused extends Error {
  constructor(status, { family = "", code = "", params = {}, text = "" }, afterS) {
    super(`${status} ${code} ${text}`);
    Object.assign(this, { status, family, code, params, text, afterS });
  }
}

export const unnamed = (method, target, body) => ask(method, target, body, {});

export async function named(keys, nowMs, method, target, { body, etag } = {}) {
  const headers = await signature(keys, nowMs, method, target, body);
  return ask(method, target, body, etag ? { ...headers, "If-None-Match": etag } : headers);
}

async function ask(method, target, body, headers) {
  if (body !== undefined) headers = { ...headers, "Content-Type": "application/json" };
  const asked = { method, headers, body, cache: "no-store", credentials: "omit", redirect: "error" };
  let answer, words;
  try {
    answer = await fetch(target, { ...asked, signal: AbortSignal.timeout(WAIT_MS) });
    words = await answer.text();
  } catch (error) {
    throw new NoLine(String(error));
  }
  const said = read(words);
  if (!answer.ok && answer.status !== 304) {
    throw new Refused(answer.status, said ?? {}, Number(answer.headers.get("Retry-After")) || 0);
  }
  if (said === undefined) throw new NoLine(`${target} was answered by something that is none of the server's answers`);
  return { status: answer.status, said, etag: answer.headers.get("ETag") };
}

/* A hotel's sign-in page is no answer of the server. */
function read(words) {
  if (words === "") return null;
  try {
    return JSON.parse(words);
  } catch {
    return undefined;
  }
}

async function signature(keys, nowMs, method, target, body) {
  const [path, query = ""] = target.split("?");
  const covered = { "@method": method, "@path": path, "@query": `?${query}` };
  const headers = {};
  if (body !== undefined) {
    headers["Content-Digest"] = `sha-256=:${base64(await sha256(new TextEncoder().encode(body)))}:`;
    covered["content-digest"] = headers["Content-Digest"];
  }
  const names = Object.keys(covered).map((name) => `"${name}"`).join(" ");
  const nonce = base64(crypto.getRandomValues(new Uint8Array(NONCE_BYTES))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const said = `(${names});created=${Math.floor(nowMs / 1000)};nonce="${nonce}";keyid="${await fingerprint(keys)}"`
    + ';alg="ecdsa-p256-sha256";tag="evenhand-device"';
  const base = [...Object.entries(covered).map(([name, value]) => `"${name}": ${value}`), `"@signature-params": ${said}`].join("\n");
  const made = base64(await sign(keys, new TextEncoder().encode(base)));
  return { ...headers, "Signature-Input": `device=${said}`, "Signature": `device=:${made}:` };
}
