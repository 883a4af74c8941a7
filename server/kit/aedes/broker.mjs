/**
 * Aedes as a broker of devices, under the rules that `server/kit/broker.py` writes for Mosquitto.
 *
 * It reads the same files: `passwords` and `acl` in Mosquitto's form, certificates and lists of revoked ones, all of
 * them again with SIGHUP. The name that a client has proved, by password on loopback or by its certificate, becomes its
 * client id; rules are applied when a message is published and again when it is delivered, so a subscription promises
 * nothing. Its lines about connections are worded like Mosquitto's, because the same reader looks for copied identities.
 * What it holds is in memory alone: a broker's state may be lost at any time.
 */

import { pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createPlain } from 'node:net'
import { dirname, join } from 'node:path'
import { createServer as createSecured } from 'node:tls'
import { pathToFileURL } from 'node:url'

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const home = dirname(process.argv[2])
const { Aedes } = await import(pathToFileURL(join(settings.modules, 'aedes', 'aedes.js')).href)
const read = (name) => readFileSync(join(home, name), 'utf8')
const say = (text) => process.stderr.write(`${new Date().toISOString().slice(0, 19)}Z: ${text}\n`)

const NOWHERE = '$refused'
/** Where a message goes that nobody may send: no filter matches it and no rule lets it out. */

let passwords = new Map()
let rules = { patterns: [], named: new Map() }

function readRules (text) {
  const found = { patterns: [], named: new Map() }
  let whose = null
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/)
    if (word === 'user') {
      whose = rest[0]
      if (!found.named.has(whose)) found.named.set(whose, [])
    } else if (word === 'topic') {
      found.named.get(whose).push({ verb: rest[0], levels: rest[1].split('/') })
    } else if (word === 'pattern') {
      found.patterns.push({ verb: rest[0], levels: rest[1].split('/') })
    } else if (word !== '' && !word.startsWith('#')) {
      throw new Error(`a rule that is not understood: ${line}`)
    }
  }
  return found
}

function covers (levels, name, topic) {
  const asked = topic.split('/')
  if (asked[0].startsWith('$') && levels[0] !== asked[0]) return false
  for (const [at, level] of levels.entries()) {
    if (level === '#') return true
    if (at >= asked.length) return false
    if (level !== '+' && (level === '%u' ? name : level) !== asked[at]) return false
  }
  return levels.length === asked.length
}

function may (name, verb, topic) {
  const allows = (rule) => (rule.verb === verb || rule.verb === 'readwrite') && covers(rule.levels, name, topic)
  return rules.patterns.some(allows) || (rules.named.get(name) ?? []).some(allows)
}

function proves (name, secret) {
  const [, kind, turns, salt, digest] = (passwords.get(name) ?? '').split('$')
  if (kind !== '7' || secret == null) return false
  const wanted = Buffer.from(digest, 'base64')
  return timingSafeEqual(pbkdf2Sync(secret, Buffer.from(salt, 'base64'), Number(turns), wanted.length, 'sha512'), wanted)
}

const blocks = (pem) => pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? []

function trust () {
  return {
    key: read('server.key'),
    cert: read('server.pem'),
    ca: blocks(read('authorities.pem')),
    crl: blocks(read('revoked.pem')),
    minVersion: 'TLSv1.2'
  }
}

/** End the connection of a client whose packet announces more bytes than allowed, before they are kept. */
function guard (conn, most) {
  const push = conn.push
  let header = []
  let left = 0
  conn.push = function (chunk, ...more) {
    for (let at = 0; chunk !== null && at < chunk.length;) {
      if (left > 0) {
        const step = Math.min(left, chunk.length - at)
        left -= step
        at += step
        continue
      }
      header.push(chunk[at++])
      if (header.length > 1 && (header.at(-1) < 128 || header.length === 5)) {
        left = header.slice(1).reduce((sum, byte, place) => sum + (byte & 127) * 128 ** place, 0)
        if (left + header.length > most) {
          conn.destroy()
          return false
        }
        header = []
      }
    }
    return push.call(conn, chunk, ...more)
  }
}

const aedes = await Aedes.createBroker({
  queueLimit: settings.inflight_messages,
  maxClientsIdLength: 64,
  preConnect (client, packet, done) {
    const asked = packet.clientId
    const proved = client.conn.authorized ? client.conn.getPeerCertificate().subject?.CN : packet.username
    packet.clientId = client.provedName = proved
    const named = Boolean(asked) && Boolean(proved)
    done(named ? null : new Error('no name'), named)
  },
  authenticate (client, _name, secret, done) {
    const name = client.provedName
    const proved = client.conn.authorized === true || proves(name, secret)
    if (proved) {
      client.provedBy = secret
      if (aedes.clients[name]) say(`Client ${name} already connected, closing old connection.`)
      say(`New client connected from ${client.conn.remoteAddress}:${client.conn.remotePort} as ${name} (p2, aedes).`)
    }
    done(null, proved)
  },
  authorizePublish (client, packet, done) {
    if (!may(client.id, 'write', packet.topic)) {
      packet.topic = NOWHERE
      packet.retain = false
    }
    done(null)
  },
  authorizeForward: (client, packet) => (may(client.id, 'read', packet.topic) ? packet : null)
})

function listen (server, port, host) {
  server.on('error', (error) => {
    say(`Error: ${error.code === 'EADDRINUSE' ? 'Address already in use' : error.message}`)
    process.exit(1)
  })
  return new Promise((resolve) => server.listen(port, host, resolve))
}

const handle = (conn) => {
  conn.setNoDelay(true)
  guard(conn, settings.packet_bytes)
  aedes.handle(conn)
}

function readIdentities () {
  passwords = new Map(read('passwords').split('\n').filter(Boolean).map((line) => {
    const at = line.indexOf(':')
    return [line.slice(0, at), line.slice(at + 1)]
  }))
  rules = readRules(read('acl'))
  for (const client of Object.values(aedes.clients)) {
    if (!client.conn.authorized && !proves(client.id, client.provedBy)) client.close()
  }
}

readIdentities()
await listen(createPlain(handle), settings.port, '127.0.0.1')
let secured = null
if (settings.public_port !== null) {
  secured = createSecured({ ...trust(), requestCert: true, rejectUnauthorized: true }, handle)
  secured.on('tlsClientError', (error) => say(`a client was turned away: ${error.code ?? error.message}`))
  await listen(secured, settings.public_port, settings.host)
}
process.on('SIGHUP', () => {
  try {
    readIdentities()
    secured?.setSecureContext(trust())
  } catch (error) {
    say(`Error: ${error.message}`)
    process.exit(1) // it is started again with what then stands in the files
  }
})
process.on('SIGTERM', () => process.exit(0))
say('aedes running')
