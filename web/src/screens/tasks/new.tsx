// A new task: its first three parameters, and all others of the verb behind More.
import { Group, Stack } from '@mantine/core'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { callVerb, Fields, fieldsOf, isComplete, useMayCall, type Given } from '../../form'
import { t } from '../../language'
import { Act } from '../../parts'
import type { Task } from '.'

const PATH = '/api/v2/tasks'
const FIRST = ['agent', 'priority']

export function NewTask() {
  const [given, setGiven] = useState<Given>({})
  const [key, setKey] = useState(() => crypto.randomUUID())
  const [, go] = useLocation()
  const may = useMayCall()
  const fields = fieldsOf(PATH)
  const writing = { given, give: (name: string, value: Given[string]) => setGiven((before) => ({ ...before, [name]: value })) }
  if (!may(PATH)) return null
  return (
    <Stack gap="xs" component="section" aria-label={t('New task')}>
      <Fields {...writing} fields={fields.filter((one) => one.name === 'brief')} labels={{ brief: t('New task') }} />
      <Group align="flex-end" className="octet-fields">
        <Fields {...writing} fields={fields.filter((one) => FIRST.includes(one.name))} />
      </Group>
      <details>
        <summary>{t('More')}</summary>
        <div className="octet-cards">
          <Fields {...writing} fields={fields.filter((one) => one.name !== 'brief' && !FIRST.includes(one.name))} />
        </div>
      </details>
      <Act
        variant="filled"
        disabled={!isComplete(fields, given)}
        call={async () => {
          const task = (await callVerb(PATH, 'post', given, key)) as Task
          setGiven({})
          setKey(crypto.randomUUID())
          go(`/tasks/${task.id}`)
        }}
      >
        {t('Create')}
      </Act>
    </Stack>
  )
}
