// The WebSocket with what agents show. It names only the agents that stand on this screen, none while the tab is hidden.
import { connect } from './socket'

export type View = { agent: string; at_ms: number; is_new: boolean; is_picture: boolean; why: string }
type Take = (view: View, content: Uint8Array<ArrayBuffer>) => void

const MOST = 50 // agents that Octet shows one page
const takers = new Map<string, Set<Take>>()
const newest = new Map<string, [View, Uint8Array<ArrayBuffer>]>()
let line: ReturnType<typeof connect> | undefined
let timer = 0

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

function soon(): void {
  window.clearTimeout(timer)
  timer = window.setTimeout(agree, 50)
}

const shown = () => (document.hidden ? [] : [...takers.keys()].slice(0, MOST))

/** Have Octet send what this screen shows now, and nothing else. */
function agree(): void {
  const agents = shown()
  if (agents.length === 0) {
    line?.close()
    line = undefined
    newest.clear()
  } else if (line) line.send({ agents })
  else line = connect('/api/v2/live/windows', () => ({ agents: shown() }), (data) => handOver(data as ArrayBuffer), () => newest.clear())
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
