// A verb as a form: one field for each parameter, those that may be left out behind *More*.
import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { Fields, callVerb, fieldsOf, isComplete, type Given, type VerbOfApi } from '../form'
import { t } from '../language'
import { Act, Said } from '../parts'
import { Drawn } from '../picture'

export function VerbForm({ verb, close, back }: { verb: VerbOfApi; close: () => void; back: () => void }) {
  const [given, setGiven] = useState<Given>({})
  const [result, setResult] = useState<unknown>()
  const [, go] = useLocation()
  const form = useRef<HTMLDivElement>(null)
  useEffect(() => form.current?.querySelector<HTMLElement>('input, textarea, select, button')?.focus(), [])
  const fields = fieldsOf(verb.path, verb.method)
  const needed = fields.filter((one) => one.isNeeded)
  const others = fields.filter((one) => !one.isNeeded)
  const give = (name: string, value: Given[string]) => setGiven((before) => ({ ...before, [name]: value }))
  const send = async () => setResult((await callVerb(verb.path, verb.method, given)) ?? t('Done.'))
  const task = (result as { id?: unknown } | undefined)?.id
  return (
    <Stack gap="sm" ref={form}>
      <Title order={2} size="h4">{verb.name}</Title>
      <Text size="sm"><Said text={`${verb.summary}.`} /></Text>
      <Fields fields={needed} given={given} give={give} />
      {others.length > 0 && (
        <details open={needed.length === 0}>
          <summary>{t('More')}</summary>
          <Stack gap="sm"><Fields fields={others} given={given} give={give} /></Stack>
        </details>
      )}
      <Group>
        <Act variant="filled" disabled={!isComplete(fields, given)} call={send}>{t('Run')}</Act>
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
  if (found instanceof Blob) return <Drawn picture={found} alt={t('The picture that Octet made')} />
  return (
    <section aria-label={t('Result')} role="status">
      <pre className="octet-text octet-result" tabIndex={0}>{typeof found === 'string' ? found : JSON.stringify(found, null, 1)}</pre>
    </section>
  )
}
