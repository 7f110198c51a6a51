// The HTTP API, typed by Octet's own description of it, and the page's log-in.
import createClient from 'openapi-fetch'
import type { components, paths } from './api.gen'

export type Schemas = components['schemas']

const SECRET = 'octet-log-in'

export const secret = () => localStorage.getItem(SECRET) ?? ''

export const client = createClient<paths>({ baseUrl: '' })
client.use({
  onRequest: ({ request }) => {
    if (secret()) request.headers.set(SECRET, secret())
    return request
  },
})

/** What Octet answered instead of a result: its sentence says what to do next. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** Return the result of a call; throw a Refusal, also where no Octet answers. */
export async function resultOf<T>(call: Promise<Answer<T>>): Promise<T> {
  const answer = await call.catch(() => {
    throw new Refusal(0, 'unreachable', 'Octet does not answer. The page tries again; see `octet status`.')
  })
  if (answer.response.ok) return answer.data as T
  const said = (answer.error ?? {}) as { code?: string; detail?: string }
  if (answer.response.status === 401) window.dispatchEvent(new Event(LOGGED_OUT))
  throw new Refusal(answer.response.status, said.code ?? '', said.detail ?? `Octet answered ${answer.response.status}.`)
}

export const LOGGED_OUT = 'octet-logged-out'

/** Return whom the code of the address logs in; null where the address has none. */
export async function invited(): Promise<{ code: string; who: string } | null> {
  const code = location.hash.slice(1)
  if (!code) return null
  const { who } = (await resultOf(client.POST('/log-in/look', { body: { code } }))) as { who: string }
  return { code, who }
}

export async function logIn(code: string): Promise<void> {
  const made = (await resultOf(client.POST('/log-in', { body: { code } }))) as { secret: string }
  localStorage.setItem(SECRET, made.secret)
  history.replaceState(null, '', location.pathname)
}

export function forget(): void {
  localStorage.removeItem(SECRET)
}

/** A picture of an agent's window, as the address of a blob. */
export async function windowPicture(agent: string): Promise<string> {
  const call = client.GET('/api/v2/desks/screenshot', { params: { query: { agent } }, parseAs: 'blob' })
  return URL.createObjectURL((await resultOf(call as Promise<Answer<Blob>>)) as Blob)
}
