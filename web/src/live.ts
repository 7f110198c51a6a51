// The one WebSocket: what changed since the last row that the page knows. The page then asks for what it shows again.
import { useSyncExternalStore } from 'react'
import type { QueryClient } from '@tanstack/react-query'
import { connect } from './socket'

export type Change = { seq: number; at_ms: number; name: string; subject: string; by: string; now: string }
type News = { seq: number; is_reset: boolean; changes: Change[] }
export type Connection = { state: 'connecting' | 'live' | 'offline'; sinceMs: number }

const LAST_NEWS = 'octet-last-news'
const RECENT = 60
const REST_MS = 1_000 // so long the page rests after it asked again, so that busy desks do not make busy pages

/** A value that components follow. */
function followed<T>(value: T) {
  const listeners = new Set<() => void>()
  const listen = (call: () => void) => {
    listeners.add(call)
    return () => listeners.delete(call)
  }
  return {
    get: () => value,
    set: (next: T) => {
      value = next
      listeners.forEach((call) => call())
    },
    use: () => useSyncExternalStore(listen, () => value),
  }
}

// Until news come, what the page shows is as old as the last news, also those of an earlier visit.
const connection = followed<Connection>({ state: 'connecting', sinceMs: Number(localStorage.getItem(LAST_NEWS)) || Date.now() })
const recent = followed<Change[]>([])

export const useConnection = connection.use
/** What happened last, the newest first. */
export const useRecent = recent.use

let lastNewsMs = 0

function isLive(): void {
  lastNewsMs = Date.now()
  localStorage.setItem(LAST_NEWS, String(lastNewsMs))
  if (connection.get().state !== 'live') connection.set({ state: 'live', sinceMs: lastNewsMs })
}

/** Keep the page up to date until the returned function is called. */
export function follow(queries: QueryClient): () => void {
  let since: number | undefined
  let askedMs = 0
  let asking = 0

  /** Ask again for what the page shows: at once, and then at most once in REST_MS; later where no one sees it. */
  function ask(): void {
    window.clearTimeout(asking)
    const restMs = askedMs + REST_MS - Date.now()
    if (restMs > 0) return void (asking = window.setTimeout(ask, restMs))
    askedMs = Date.now()
    void queries.invalidateQueries({ refetchType: document.hidden ? 'none' : 'active', predicate: ({ meta }) => !meta?.isFixed })
  }

  function heard(data: string | ArrayBuffer): void {
    const news = JSON.parse(data as string) as News
    isLive()
    since = news.seq
    const known = news.is_reset ? [] : recent.get()
    if (news.changes.length) recent.set([...news.changes.toReversed(), ...known].slice(0, RECENT))
    if (news.is_reset || news.changes.length) ask()
  }

  function lost(): void {
    if (connection.get().state !== 'offline') connection.set({ state: 'offline', sinceMs: lastNewsMs || connection.get().sinceMs })
  }

  const line = connect('/api/v2/live', () => ({ since }), heard, lost)
  return () => {
    window.clearTimeout(asking)
    line.close()
  }
}
