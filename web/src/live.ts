// The one WebSocket: what changed since the last row that the page knows. The page then asks for what it shows again.
import { useSyncExternalStore } from 'react'
import type { QueryClient } from '@tanstack/react-query'
import { LOGGED_OUT, secret } from './api'

export type Change = { seq: number; at_ms: number; name: string; subject: string; by: string; now: string }
type News = { seq: number; is_reset: boolean; changes: Change[] }
export type Connection = { state: 'connecting' | 'live' | 'offline'; sinceMs: number }

const LAST_NEWS = 'octet-last-news'
const RECENT = 60
const LOGGED_OUT_CODE = 1008
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
  let socket: WebSocket | undefined
  let since: number | undefined
  let timer = 0
  let pauseMs = 500
  let isOver = false
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

  function open(): void {
    window.clearTimeout(timer)
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/v2/live`)
    socket.onopen = () => socket?.send(JSON.stringify({ secret: secret(), since }))
    socket.onmessage = (message) => {
      const news = JSON.parse(message.data as string) as News
      pauseMs = 500
      isLive()
      since = news.seq
      const known = news.is_reset ? [] : recent.get()
      if (news.changes.length) recent.set([...news.changes.toReversed(), ...known].slice(0, RECENT))
      if (news.is_reset || news.changes.length) ask()
    }
    socket.onclose = (end) => {
      if (isOver) return
      if (connection.get().state !== 'offline') connection.set({ state: 'offline', sinceMs: lastNewsMs || connection.get().sinceMs })
      if (end.code === LOGGED_OUT_CODE) return void window.dispatchEvent(new Event(LOGGED_OUT))
      timer = window.setTimeout(open, pauseMs * (0.5 + Math.random()))
      pauseMs = Math.min(pauseMs * 2, 10_000)
    }
  }

  const openSoon = () => socket?.readyState === WebSocket.CLOSED && open()
  window.addEventListener('online', openSoon)
  open()
  return () => {
    isOver = true
    window.clearTimeout(timer)
    window.clearTimeout(asking)
    window.removeEventListener('online', openSoon)
    socket?.close()
  }
}
