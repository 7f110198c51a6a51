// A verb as a form: one field for each parameter, those that may be left out behind *More*.
import { Button, Group, NativeSelect, Stack, Text, TextInput, Textarea, Title } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { request } from '../api'
import { t } from '../language'
import { Act, Said } from '../parts'
import type { Field, VerbShape } from './verbs'

type Values = Record<string, string | boolean>

export function VerbForm({ verb, close, back }: { verb: VerbShape; close: () => void; back: () => void }) {
  const [values, setValues] = useState<Values>({})
  const [result, setResult] = useState<unknown>()
  const [, go] = useLocation()
  const form = useRef<HTMLDivElement>(null)
  useEffect(() => form.current?.querySelector<HTMLElement>('input, textarea, select, button')?.focus(), [])
  const needed = verb.fields.filter((one) => one.isNeeded)
  const others = verb.fields.filter((one) => !one.isNeeded)
  const shown = (one: Field) => (
    <Input key={one.name} field={one} value={values[one.name]} set={(value) => setValues({ ...values, [one.name]: value })} />
  )
  const send = async () => {
    const found = await request(...filled(verb, values))
    setResult(found ?? t('Done.'))
  }
  const task = (result as { id?: unknown } | undefined)?.id
  return (
    <Stack gap="sm" ref={form}>
      <Title order={2} size="h4">{verb.name}</Title>
      <Text size="sm"><Said text={`${verb.summary}.`} /></Text>
      {needed.map(shown)}
      {others.length > 0 && (
        <details open={needed.length === 0}>
          <summary>{t('More')}</summary>
          <Stack gap="sm">{others.map(shown)}</Stack>
        </details>
      )}
      <Group>
        <Act variant="filled" disabled={needed.some((one) => one.kind !== 'flag' && !values[one.name])} call={send}>{t('Run')}</Act>
        <Button size="xs" variant="default" onClick={back}>{t('Back')}</Button>
        <Button size="xs" variant="default" onClick={close}>{t('Close')}</Button>
        {typeof task === 'string' && task.startsWith('T-') && (
          <Button size="xs" variant="default" onClick={() => { close(); go(`/tasks/${task}`) }}>{t('Show {task}', { task })}</Button>
        )}
      </Group>
      {result !== undefined && <Result found={result} />}
    </Stack>
  )
}

function Result({ found }: { found: unknown }) {
  if (typeof found === 'string' && found.startsWith('blob:')) return <img className="octet-window" src={found} alt={t('The picture that Octet made')} />
  return (
    <section aria-label={t('Result')} role="status">
      <pre className="octet-text octet-result" tabIndex={0}>{typeof found === 'string' ? found : JSON.stringify(found, null, 1)}</pre>
    </section>
  )
}

type InputProps = { field: Field; value: string | boolean | undefined; set: (value: string | boolean) => void }

function Input({ field, value, set }: InputProps) {
  const common = { label: field.name.replaceAll('_', ' '), description: field.hint, required: field.isNeeded, size: 'xs' }
  if (field.kind === 'flag')
    return (
      <label>
        <input type="checkbox" checked={Boolean(value)} onChange={(event) => set(event.currentTarget.checked)} /> {common.label}
        <Text size="xs" c="var(--octet-quiet)">{field.hint}</Text>
      </label>
    )
  const text = typeof value === 'string' ? value : ''
  if (field.kind === 'choice')
    return <NativeSelect {...common} value={text} onChange={(event) => set(event.currentTarget.value)} data={['', ...field.choices]} />
  if (field.kind === 'long') return <Textarea {...common} autosize minRows={3} value={text} onChange={(event) => set(event.currentTarget.value)} />
  const isNumber = field.kind === 'number'
  return <TextInput {...common} type={isNumber ? 'number' : 'text'} value={text} onChange={(event) => set(event.currentTarget.value)} />
}

/** Make the request of the filled form: values in the path, in the query and in the body. */
function filled(verb: VerbShape, values: Values): [string, Record<string, unknown>] {
  let path = verb.path
  const query = new URLSearchParams()
  const body: Record<string, unknown> = {}
  for (const one of verb.fields) {
    const value = values[one.name]
    if (value === undefined || value === '') continue
    if (one.place === 'path') path = path.replace(`{${one.name}}`, encodeURIComponent(String(value)))
    else if (one.place === 'query') query.append(one.name, String(value))
    else body[one.name] = one.kind === 'number' ? Number(value) : one.kind === 'list' ? String(value).split(',').map((part) => part.trim()) : value
  }
  return [`${verb.method} ${path}${query.size ? `?${query}` : ''}`, body]
}
