// A WebSocket of the page: its first message logs in; when it breaks, the page connects again, with growing pauses.
import { LOGGED_OUT, secret } from './api'

const LOGGED_OUT_CODE = 1008
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [500, 10_000]

type Line = { send: (what: object) => void; close: () => void }

/** `hello` goes with each log-in; `lost` hears of each break. */
export function connect(path: string, hello: () => object, heard: (data: string | ArrayBuffer) => void, lost: () => void): Line {
  let timer = 0
  let pauseMs = FIRST_PAUSE_MS
  let isOver = false
  let socket = open()

  function open(): WebSocket {
    window.clearTimeout(timer)
    const made = new WebSocket(location.origin.replace(/^http/, 'ws') + path)
    made.binaryType = 'arraybuffer'
    made.onopen = () => made.send(JSON.stringify({ secret: secret(), ...hello() }))
    made.onmessage = ({ data }) => {
      pauseMs = FIRST_PAUSE_MS
      heard(data as string | ArrayBuffer)
    }
    made.onclose = ({ code }) => {
      if (isOver) return
      lost()
      if (code === LOGGED_OUT_CODE) return void window.dispatchEvent(new Event(LOGGED_OUT))
      timer = window.setTimeout(again, pauseMs * (0.5 + Math.random()))
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
    return made
  }

  const again = () => void (socket = open())
  const againSoon = () => socket.readyState === WebSocket.CLOSED && again()
  window.addEventListener('online', againSoon)
  return {
    send: (what) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(what)),
    close: () => {
      isOver = true
      window.clearTimeout(timer)
      window.removeEventListener('online', againSoon)
      socket.close()
    },
  }
}
