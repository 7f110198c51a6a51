// The HTTP API, typed by Octet's own description of it, and the page's log-in.
import createClient from 'openapi-fetch'
import type { components, paths } from './api.gen'
import { t } from './language'

export type Schemas = components['schemas']

export const SECRET = 'octet-log-in'
const LOG_IN = 'octet-log-in-id'

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
    throw new Refusal(0, 'unreachable', t('Octet does not answer. The page connects again automatically. `octet status` says at the machine whether it runs.'))
  })
  if (answer.response.ok) return answer.data as T
  const said = (answer.error ?? {}) as { code?: string; detail?: string }
  if (answer.response.status === 401) window.dispatchEvent(new Event(LOGGED_OUT))
  throw new Refusal(answer.response.status, said.code ?? '', said.detail ?? t('Octet answered {status}.', { status: answer.response.status }))
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
  keepLogIn((await resultOf(client.POST('/log-in', { body: { code } }))) as { id: string; secret: string })
  history.replaceState(null, '', location.pathname)
}

export const logInId = () => localStorage.getItem(LOG_IN) ?? ''

export function keepLogIn(made: { id: string; secret: string }): void {
  localStorage.setItem(SECRET, made.secret)
  localStorage.setItem(LOG_IN, made.id)
}

export function forget(): void {
  localStorage.removeItem(SECRET)
  localStorage.removeItem(LOG_IN)
}

export async function logOut(): Promise<void> {
  const log_in = logInId()
  if (log_in) await resultOf(client.POST('/api/v2/log-ins/{log_in}/end', { params: { path: { log_in } } }))
  window.dispatchEvent(new Event(LOGGED_OUT))
}

/** Make a request that Octet itself named, such as `POST /tasks/T-1/retry`; return what is no JSON as a blob. */
export async function request(call: string, body: Record<string, unknown> = {}, key: string = crypto.randomUUID()): Promise<unknown> {
  const [method = '', path = ''] = call.split(' ')
  const headers = method === 'GET' ? {} : { 'Idempotency-Key': key }
  const ask = client.request as unknown as (method: string, path: string, given: object) => Promise<Answer<Blob>>
  const found = await resultOf(ask(method, `/api/v2${path}`, { headers, body: Object.keys(body).length ? body : undefined, parseAs: 'blob' }))
  return found?.type === 'application/json' ? (JSON.parse(await found.text()) as unknown) : found
}
