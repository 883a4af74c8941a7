/* The key by which this tablet is known. Its private half cannot be read by any program, this one included: the browser
   signs with it and does not give it away. */
import { bits, identifier, integer, none, sequence, set, text } from "./der.js";

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
const COMMON_NAME = identifier(0x55, 0x04, 0x03);
const ECDSA_WITH_SHA256 = identifier(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);
const NUMBER_BYTES = 32;

export const makeKeys = () => crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);

/* R and S, 32 bytes each, as RFC 9421 wants it. */
export const sign = async (keys, bytes) => new Uint8Array(await crypto.subtle.sign(SIGNING, keys.privateKey, bytes));

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

const publicKey = async (keys) => new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));

/* SHA-256 of the public key, in hexadecimal: what an operator compares, and the key's name in signatures. */
export async function fingerprint(keys) {
  return [...await sha256(await publicKey(keys))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* The first 32 digits in groups of four, as every terminal and the console show them. */
export const shown = (digits) => digits.slice(0, 32).match(/.{4}/g).join(" ");

/* A signing request (PKCS #10) in PEM. The server names the device; the subject only has to be there. */
export async function signingRequest(keys) {
  const subject = sequence(set(sequence(COMMON_NAME, text("tablet"))));
  const asked = sequence(integer(Uint8Array.of(0)), subject, await publicKey(keys), none(0));
  const signature = await sign(keys, asked);
  const r = integer(signature.subarray(0, NUMBER_BYTES)), s = integer(signature.subarray(NUMBER_BYTES));
  const whole = base64(sequence(asked, sequence(ECDSA_WITH_SHA256), bits(sequence(r, s))));
  return `-----BEGIN CERTIFICATE REQUEST-----\n${whole.match(/.{1,64}/g).join("\n")}\n-----END CERTIFICATE REQUEST-----\n`;
}
