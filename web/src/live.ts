// The one WebSocket: what changed since the last row that the page knows. The page then asks for what it shows again.
import { useSyncExternalStore } from 'react'
import type { QueryClient } from '@tanstack/react-query'
import { LOGGED_OUT, secret } from './api'

type News = { seq: number; is_reset: boolean; changes: { subject: string }[] }
export type Connection = { state: 'connecting' | 'live' | 'offline'; sinceMs: number }

let connection: Connection = { state: 'connecting', sinceMs: Date.now() }
const listeners = new Set<() => void>()

function become(state: Connection['state']): void {
  if (connection.state === state) return
  connection = { state, sinceMs: Date.now() }
  listeners.forEach((call) => call())
}

export const useConnection = () =>
  useSyncExternalStore(
    (call) => {
      listeners.add(call)
      return () => listeners.delete(call)
    },
    () => connection,
  )

const LOGGED_OUT_CODE = 1008

/** Keep the page up to date until the returned function is called. */
export function follow(queries: QueryClient): () => void {
  let socket: WebSocket | undefined
  let since: number | undefined
  let timer = 0
  let pauseMs = 500
  let isOver = false

  function open(): void {
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/v2/live`)
    socket.onopen = () => socket?.send(JSON.stringify({ secret: secret(), since }))
    socket.onmessage = (message) => {
      const news = JSON.parse(message.data as string) as News
      pauseMs = 500
      become('live')
      since = news.seq
      if (news.is_reset || news.changes.length) void queries.invalidateQueries({ refetchType: 'active' })
    }
    socket.onclose = (end) => {
      if (isOver) return
      become('offline')
      if (end.code === LOGGED_OUT_CODE) return void window.dispatchEvent(new Event(LOGGED_OUT))
      timer = window.setTimeout(open, pauseMs * (0.5 + Math.random()))
      pauseMs = Math.min(pauseMs * 2, 10_000)
    }
  }

  open()
  return () => {
    isOver = true
    window.clearTimeout(timer)
    socket?.close()
  }
}
