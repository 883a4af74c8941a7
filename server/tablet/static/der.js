/* As much of DER as a signing request takes. Each function returns bytes. */

const joined = (parts) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
};

function size(length) {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

const tagged = (tag, ...parts) => {
  const inside = joined(parts);
  return joined([Uint8Array.from([tag, ...size(inside.length)]), inside]);
};

export const sequence = (...parts) => tagged(0x30, ...parts);
export const set = (...parts) => tagged(0x31, ...parts);
export const none = (number) => tagged(0xa0 + number);
export const identifier = (...bytes) => tagged(0x06, Uint8Array.from(bytes));
export const text = (words) => tagged(0x0c, new TextEncoder().encode(words));
export const bits = (bytes) => tagged(0x03, Uint8Array.of(0), bytes);

/* A whole number that is not negative, from its bytes, the highest first. */
export function integer(bytes) {
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first += 1;
  const short = bytes.subarray(first);
  return short[0] & 0x80 ? tagged(0x02, Uint8Array.of(0), short) : tagged(0x02, short);
}
