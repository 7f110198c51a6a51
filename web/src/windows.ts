// The WebSocket with what agents show. It names only the agents that stand on this screen, none while the tab is hidden.
import { LOGGED_OUT, secret } from './api'

export type View = { agent: string; at_ms: number; is_new: boolean; is_picture: boolean; why: string }
type Take = (view: View, content: Uint8Array<ArrayBuffer>) => void

const MOST = 50 // agents that Octet shows one page
const LOGGED_OUT_CODE = 1008
const takers = new Map<string, Set<Take>>()
const newest = new Map<string, [View, Uint8Array<ArrayBuffer>]>()
let socket: WebSocket | undefined
let timer = 0
let pauseMs = 500

/** Hand over what the agent shows, until the returned function is called. */
export function watch(agent: string, take: Take): () => void {
  const all = takers.get(agent) ?? new Set()
  takers.set(agent, all.add(take))
  const known = newest.get(agent)
  if (known) take(...known)
  soon()
  return () => {
    all.delete(take)
    if (all.size === 0 && takers.get(agent) === all) {
      takers.delete(agent)
      newest.delete(agent)
    }
    soon()
  }
}

document.addEventListener('visibilitychange', () => soon())

function soon(ms = 50): void {
  window.clearTimeout(timer)
  timer = window.setTimeout(agree, ms)
}

/** Have Octet send what this screen shows now, and nothing else. */
function agree(): void {
  const agents = document.hidden ? [] : [...takers.keys()].slice(0, MOST)
  if (agents.length === 0) {
    socket?.close()
    socket = undefined
  } else if (!socket) open()
  else if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ agents }))
}

function open(): void {
  const mine = (socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/v2/live/windows`))
  mine.binaryType = 'arraybuffer'
  mine.onopen = () => mine.send(JSON.stringify({ secret: secret(), agents: [...takers.keys()].slice(0, MOST) }))
  mine.onmessage = ({ data }) => {
    pauseMs = 500
    handOver(data as ArrayBuffer)
  }
  mine.onclose = (end) => {
    if (socket !== mine) return
    socket = undefined
    newest.clear()
    if (end.code === LOGGED_OUT_CODE) return void window.dispatchEvent(new Event(LOGGED_OUT))
    soon(pauseMs * (0.5 + Math.random()))
    pauseMs = Math.min(pauseMs * 2, 10_000)
  }
}

function handOver(data: ArrayBuffer): void {
  const end = 4 + new DataView(data).getUint32(0)
  const view = JSON.parse(new TextDecoder().decode(data.slice(4, end))) as View
  const content = new Uint8Array(data, end)
  const before = newest.get(view.agent)
  if (view.is_new) newest.set(view.agent, [view, content])
  else if (before) newest.set(view.agent, [{ ...view, is_new: true, is_picture: before[0].is_picture }, before[1]])
  takers.get(view.agent)?.forEach((take) => take(view, content))
}
