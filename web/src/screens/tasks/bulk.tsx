// What is done with several tasks at once: one question before, and a result for each.
import { Alert, Button, Group, NativeSelect, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { client, resultOf } from '../../api'
import { fieldsOf, useAgents, useMayCall, valuesOf, type Given } from '../../form'
import { t } from '../../language'
import { Said, To } from '../../parts'

export type Plan = { verb: string; given: Given; question: string }
const of = (verb: string) => `/api/v2/tasks/{task}/${verb}`
type Result = { id: string; problem: string }

const MOST = 100 // requests of one batch

function problemOf(result?: { status: number; body?: unknown }): string {
  if (result && result.status >= 200 && result.status < 300) return ''
  return (result?.body as { detail?: string } | undefined)?.detail ?? t('Octet answered {status}.', { status: result?.status ?? 0 })
}

/** Return what Octet asks before it does this with so many tasks. */
export function planOf(verb: 'cancel' | 'retry', count: number): Plan {
  return { verb, given: {}, question: verb === 'cancel' ? t('Cancel {count} tasks?', { count }) : t('Run {count} tasks again?', { count }) }
}

type Several = { ids: string[]; plan?: Plan; setPlan: (plan?: Plan) => void; clear: () => void }

export function Bulk({ ids, plan, setPlan, clear }: Several) {
  const [results, setResults] = useState<Result[]>([])
  const [isBusy, setIsBusy] = useState(false)
  const agents = useAgents()
  const mayCall = useMayCall()
  const may = (verb: string) => mayCall(of(verb))
  const priorities = fieldsOf('/api/v2/tasks').find((one) => one.name === 'priority')?.choices ?? []
  const count = ids.length
  const run = async ({ verb, given }: Plan) => {
    setIsBusy(true)
    const body = await valuesOf(fieldsOf(of(verb)), given)
    const found: Result[] = []
    for (let at = 0; at < ids.length; at += MOST) {
      const some = ids.slice(at, at + MOST)
      const calls = some.map((id) => ({ path: `/tasks/${id}/${verb}`, body: Object.keys(body).length ? body : undefined, key: crypto.randomUUID() }))
      const results = await resultOf(client.POST('/api/v2/batch', { body: { calls } })).catch((error: Error) => some.map(() => ({ status: 0, body: { detail: error.message } })))
      some.forEach((id, one) => found.push({ id, problem: problemOf(results[one]) }))
    }
    setResults(found)
    setIsBusy(false)
    clear()
  }
  return (
    <>
      {count > 0 && (
        <Group className="octet-bulk" component="section" aria-label={t('Selected tasks')} align="center">
          <Text fw={600}>{t('{count} selected', { count })}</Text>
          {plan ? (
            <>
              <Button size="xs" loading={isBusy} onClick={() => void run(plan)}>{plan.question}</Button>
              <Button size="xs" variant="subtle" onClick={() => setPlan(undefined)}>{t('No')}</Button>
            </>
          ) : (
            <>
              {may('cancel') && <Button size="xs" variant="default" onClick={() => setPlan(planOf('cancel', count))}>{t('Cancel')}</Button>}
              {may('retry') && <Button size="xs" variant="default" onClick={() => setPlan(planOf('retry', count))}>{t('Retry')}</Button>}
              {may('assign') && <Choice
                label={t('Assign to …')}
                data={agents.map((one) => [one, one])}
                choose={(agent) => setPlan({ verb: 'assign', given: { agent }, question: t('Assign {count} tasks to {agent}?', { count, agent }) })}
              />}
              {may('priority') && <Choice
                label={t('Priority …')}
                data={priorities}
                choose={(priority, words) => setPlan({ verb: 'priority', given: { priority }, question: t('Give {count} tasks priority {words}?', { count, words }) })}
              />}
              <Button size="xs" variant="subtle" onClick={clear}>{t('Select none')}</Button>
            </>
          )}
        </Group>
      )}
      {results.length > 0 && (
        <Alert role="status" color={results.some((one) => one.problem) ? 'yellow' : 'green'} title={t('{done} of {count} done', { done: results.filter((one) => !one.problem).length, count: results.length })} withCloseButton closeButtonLabel={t('Close')} onClose={() => setResults([])}>
          <Stack gap={2}>
            {results.map(({ id, problem }) => (
              <Text size="sm" key={id}><To href={`/tasks/${id}`}>{id}</To>: <Said text={problem || t('done')} /></Text>
            ))}
          </Stack>
        </Alert>
      )}
    </>
  )
}

function Choice({ label, data, choose }: { label: string; data: [value: string, words: string][]; choose: (value: string, words: string) => void }) {
  return (
    <NativeSelect
      size="xs"
      aria-label={label}
      value=""
      data={[{ value: '', label }, ...data.map(([value, words]) => ({ value, label: words }))]}
      onChange={(event) => choose(event.currentTarget.value, event.currentTarget.selectedOptions[0]?.label ?? '')}
    />
  )
}
