// The verbs that Octet's own description of its API has, each with the fields of its form.
type Schema = { $ref?: string; anyOf?: Schema[]; type?: string; enum?: string[]; items?: Schema; maxLength?: number; description?: string } & {
  properties?: Record<string, Schema>
  required?: string[]
}
type Operation = {
  operationId: string
  summary: string
  parameters?: { name: string; in: string; required: boolean; schema: Schema; description?: string }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  'x-permission'?: string | null
  'x-own'?: string
}
export type Api = { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> } }
export type Field = { name: string; hint: string; isNeeded: boolean; place: string } & (
  | { kind: 'text' | 'long' | 'number' | 'flag' | 'list' }
  | { kind: 'choice'; choices: string[] }
)
export type VerbShape = { name: string; summary: string; method: string; path: string; fields: Field[] }

const BASE = '/api/v2'
const LONG = 1000
const MAY_OWN = 'task.create'

/** List the verbs that the user may do, at least for their own tasks. */
export function verbsOf(api: Api, may: (permission: string) => boolean): VerbShape[] {
  const found = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  return found
    .filter(({ operation }) => operation['x-permission'])
    .filter(({ operation }) => may(operation['x-permission'] ?? '') || (operation['x-own'] && may(MAY_OWN)))
    .map(({ path, method, operation }) => ({
      name: nameOf(operation),
      summary: operation.summary,
      method,
      path: path.slice(BASE.length),
      fields: fieldsOf(api, operation),
    }))
}

/** `agent_new_chat_api_v2_…` is the command `agent new-chat`. */
const nameOf = ({ operationId }: Operation) =>
  (operationId.split('_api_v2')[0] ?? '').replaceAll('_', '-').replace('-', ' ')

function fieldsOf(api: Api, operation: Operation): Field[] {
  const given = (operation.parameters ?? [])
    .filter((one) => one.in !== 'header')
    .map((one) => field(api, one.name, { description: one.description, ...one.schema }, one.required, one.in))
  const body = whole(api, operation.requestBody?.content['application/json']?.schema ?? {})
  const inBody = Object.entries(body.properties ?? {}).map(([name, one]) => field(api, name, one, body.required?.includes(name) ?? false, 'body'))
  return [...given, ...inBody].sort((one, other) => Number(other.isNeeded) - Number(one.isNeeded))
}

function field(api: Api, name: string, schema: Schema, isNeeded: boolean, place: string): Field {
  const found = whole(api, schema)
  const base = { name, hint: found.description ?? schema.description ?? '', isNeeded, place }
  if (found.enum) return { ...base, kind: 'choice', choices: found.enum }
  if (found.type === 'boolean') return { ...base, kind: 'flag' }
  if (found.type === 'integer' || found.type === 'number') return { ...base, kind: 'number' }
  if (found.type === 'array') return { ...base, kind: 'list' }
  return { ...base, kind: (found.maxLength ?? 0) >= LONG ? 'long' : 'text' }
}

/** Follow a reference, and take what may be null for what it is otherwise. */
function whole(api: Api, schema: Schema): Schema {
  if (schema.$ref) return whole(api, api.components.schemas[schema.$ref.split('/').pop() ?? ''] ?? {})
  const option = schema.anyOf?.find((one) => one.type !== 'null')
  return option ? { ...schema, ...whole(api, option), anyOf: undefined } : schema
}
