// Forms made from the parameters of Octet's verbs, as its own description of the API has them.
import { Checkbox, Input, NativeSelect, Stack, TextInput, Textarea } from '@mantine/core'
import '@mantine/core/styles/Checkbox.css'
import { useQuery } from '@tanstack/react-query'
import { useId, useState, type ReactNode } from 'react'
import described from '../../tests/golden/openapi.json'
import { client, request, resultOf } from './api'
import { t } from './language'
import { useMay, useMe } from './me'
import { Act, Said } from './parts'

type Schema = {
  type?: string
  anyOf?: Schema[]
  enum?: (string | number)[]
  $ref?: string
  maxLength?: number
  minimum?: number
  maximum?: number
  description?: string
  default?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  'x-choices'?: Record<string, string>
}
type Parameter = { name: string; in: string; required?: boolean; schema: Schema; description?: string }
type Operation = {
  operationId: string
  summary: string
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  'x-permission'?: string | null
  'x-own'?: string
}

export type Method = 'get' | 'post'
export type Given = Record<string, string | boolean | File>
export type Field = {
  name: string
  place: 'path' | 'query' | 'body'
  kind: 'line' | 'text' | 'number' | 'flag' | 'list' | 'choice' | 'agent' | 'file'
  help: string
  isNeeded: boolean
  choices: [value: string, words: string][]
  isNumber: boolean
  least?: number
  most?: number
}

const BASE = '/api/v2'
const LONG = 1_000 // characters: a text that may be longer has several lines

const paths = described.paths as unknown as Record<string, Record<string, Operation>>
const operationOf = (path: string, method: Method): Partial<Operation> => paths[path]?.[method] ?? {}

export type VerbOfApi = { name: string; summary: string; path: string; method: Method }

/** List the verbs of users; `agent_new_chat_api_v2_…` is the command `agent new-chat`. */
export const VERBS: VerbOfApi[] = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, operation]) => operation['x-permission'])
    .map(([method, { operationId, summary }]) => ({
      name: (operationId.split('_api_v2')[0] ?? '').replaceAll('_', '-').replace('-', ' '),
      summary,
      path,
      method: method as Method,
    })),
)

/** Return a function that tells whether the user may call a verb: for the task of this requester, else at least for
 * tasks of their own. */
export function useMayCall(requester?: string): (path: string, method?: Method) => boolean {
  const may = useMay()
  const me = useMe().data?.id
  return (path, method = 'post') => {
    const { 'x-permission': permission, 'x-own': own } = operationOf(path, method)
    return !permission || may(permission) || Boolean(own && may('task.create') && (requester ?? me) === me)
  }
}

/** Return the parameters of a verb, in the order of its declaration: those without which it does nothing first. */
export function fieldsOf(path: string, method: Method = 'post'): Field[] {
  const operation = operationOf(path, method)
  const outside = (operation.parameters ?? []).filter((one) => one.in === 'path' || one.in === 'query')
  const body = resolved(Object.values(operation.requestBody?.content ?? {})[0]?.schema ?? {})
  const needed = new Set(body.required)
  const found = [
    ...outside.map((one) => field(one.name, { description: one.description, ...one.schema }, one.in as Field['place'], !!one.required)),
    ...Object.entries(body.properties ?? {}).map(([name, schema]) => field(name, schema, 'body', needed.has(name))),
  ]
  return found.sort((one, other) => Number(other.isNeeded) - Number(one.isNeeded))
}

function resolved(schema: Schema): Schema {
  const inner = schema.anyOf?.find((one) => one.type !== 'null') ?? schema
  const named = inner.$ref?.split('/').pop()
  const found = named ? (described.components.schemas as unknown as Record<string, Schema>)[named] ?? {} : inner
  return { ...found, description: schema.description ?? found.description, 'x-choices': schema['x-choices'] ?? inner['x-choices'] }
}

function field(name: string, schema: Schema, place: Field['place'], isNeeded: boolean): Field {
  const { type, enum: values, maxLength, minimum, maximum, description, properties, 'x-choices': words } = resolved(schema)
  const choices = Object.entries(words ?? Object.fromEntries((values ?? []).map((one) => [one, String(one)])))
  const isNumber = type === 'integer' || type === 'number'
  const kinds: [Field['kind'], boolean][] = [
    ['file', !!properties],
    ['choice', choices.length > 0],
    ['agent', name === 'agent'],
    ['list', type === 'array'],
    ['number', isNumber],
    ['flag', type === 'boolean'],
    ['text', (maxLength ?? 0) > LONG],
  ]
  const kind = kinds.find(([, is]) => is)?.[0] ?? 'line'
  return { name, place, kind, help: description ?? '', isNeeded, choices, isNumber, least: minimum, most: maximum }
}

/** A field's name as users read it. */
export const labelOf = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ')

/** Return what users wrote as the API takes it; without what they left empty. */
export async function valuesOf(fields: Field[], given: Given): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const { name, kind, isNumber } of fields) {
    const value = given[name]
    if (value === undefined || value === '' || value === false) continue
    if (value instanceof File) found[name] = { name: value.name, content: await base64(value) }
    else if (kind === 'list') found[name] = String(value).split(',').map((one) => one.trim()).filter(Boolean)
    else found[name] = isNumber ? Number(value) : value
  }
  return found
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).split(',', 2)[1] ?? '')
    reader.onerror = () => reject(new Error(t('This browser cannot read {file}.', { file: file.name })))
    reader.readAsDataURL(file)
  })
}

export const isComplete = (fields: Field[], given: Given) => fields.every((one) => !one.isNeeded || String(given[one.name] ?? '').trim())

/** Call a verb with what users wrote. */
export async function callVerb(path: string, method: Method, given: Given, key?: string): Promise<unknown> {
  const fields = fieldsOf(path, method)
  const values = await valuesOf(fields, given)
  const query = new URLSearchParams()
  const body: Record<string, unknown> = {}
  let at = path.slice(BASE.length)
  for (const { name, place } of fields) {
    if (!(name in values)) continue
    if (place === 'path') at = at.replace(`{${name}}`, encodeURIComponent(String(values[name])))
    else if (place === 'query') [values[name]].flat().forEach((one) => query.append(name, String(one)))
    else body[name] = values[name]
  }
  return request(`${method.toUpperCase()} ${at}${query.size ? `?${query}` : ''}`, body, key)
}

type Writing = { given: Given; give: (name: string, value: Given[string]) => void }

/** The fields of a form. `labels` names those that read better with other words. */
export function Fields({ fields, given, give, labels = {} }: Writing & { fields: Field[]; labels?: Record<string, string> }) {
  return fields.map((one) => <OneField key={one.name} field={one} label={labels[one.name] ?? t(labelOf(one.name))} given={given} give={give} />)
}

function OneField({ field, label, given, give }: Writing & { field: Field; label: string }) {
  const { name, kind, help, choices } = field
  const value = given[name]
  const id = useId()
  const hint = <Said text={t(help)} />
  const looks = { label, description: hint, value: String(value ?? '') }
  const write = (event: { currentTarget: { value: string } }) => give(name, event.currentTarget.value)
  if (kind === 'agent') return <AgentField label={label} help={hint} value={looks.value} choose={(agent) => give(name, agent)} isNeeded={field.isNeeded} />
  if (kind === 'choice')
    return <NativeSelect {...looks} onChange={write} data={[{ value: '', label: t('default') }, ...choices.map(([one, words]) => ({ value: one, label: t(words) }))]} />
  if (kind === 'text') return <Textarea {...looks} onChange={write} autosize minRows={2} maxRows={16} />
  if (kind === 'flag') return <Checkbox label={label} description={hint} checked={value === true} onChange={(event) => give(name, event.currentTarget.checked)} />
  if (kind === 'file')
    return (
      <Input.Wrapper label={label} description={hint} id={id}>
        <input id={id} type="file" onChange={(event) => give(name, event.currentTarget.files?.[0] ?? '')} />
      </Input.Wrapper>
    )
  return <TextInput {...looks} onChange={write} type={kind === 'number' ? 'number' : 'text'} min={field.least} max={field.most} />
}

/** An agent, chosen from those that there are. */
export function AgentField({ label, help, value, choose, isNeeded, any = t('any') }: { label: string; help?: ReactNode; value: string; choose: (agent: string) => void; isNeeded?: boolean; any?: string }) {
  const agents = useAgents()
  const data = [{ value: '', label: isNeeded ? t('choose …') : any }, ...agents.map((name) => ({ value: name, label: name }))]
  return <NativeSelect label={label} description={help} value={value} data={data} onChange={(event) => choose(event.currentTarget.value)} />
}

export function useAgents(): string[] {
  const query = { params: { query: { limit: 500 } } }
  const { data } = useQuery({ queryKey: ['agents', 'names'], queryFn: () => resultOf(client.GET('/api/v2/agents', query)) })
  return data?.items.map((one) => one.agent.name) ?? []
}

type Verb = { path: string; label: string; fixed?: Given; start?: Given; only?: string[]; done?: (result: unknown) => void }

/** The form of one verb, or of `only` some of its parameters. `fixed` are those that are known already. */
export function VerbForm({ path, label, fixed = {}, start = {}, only, done }: Verb) {
  const [given, setGiven] = useState<Given>(start)
  const fields = fieldsOf(path).filter((one) => !(one.name in fixed) && (only?.includes(one.name) ?? true))
  return (
    <Stack gap="xs">
      <Fields fields={fields} given={given} give={(name, value) => setGiven((before) => ({ ...before, [name]: value }))} />
      <Act
        variant="filled"
        disabled={!isComplete(fields, given)}
        call={async () => {
          const result = await callVerb(path, 'post', { ...given, ...fixed }, crypto.randomUUID())
          setGiven(start)
          done?.(result)
        }}
      >
        {label}
      </Act>
    </Stack>
  )
}
