// A new task: its first three parameters, and all others of the verb behind More. A template is a saved view of this
// screen whose address has the form's content.
import { Group, NativeSelect, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { callVerb, Fields, fieldsOf, isComplete, useMayCall, type Given } from '../../form'
import { t } from '../../language'
import { useMe, useSaveView } from '../../me'
import { Act } from '../../parts'
import type { Task } from '.'

const PATH = '/api/v2/tasks'
const FIRST = ['agent', 'priority']
const OF_FORM = 'new-' // before a field's name in an address

export function NewTask() {
  const may = useMayCall()
  const search = useSearch()
  const start = [...new URLSearchParams(search)].filter(([name]) => name.startsWith(OF_FORM)).map(([name, value]) => [name.slice(OF_FORM.length), value])
  return may(PATH) && <TaskForm key={String(start)} start={Object.fromEntries(start) as Given} />
}

function TaskForm({ start }: { start: Given }) {
  const [given, setGiven] = useState(start)
  const [key, setKey] = useState(() => crypto.randomUUID())
  const [, go] = useLocation()
  const fields = fieldsOf(PATH)
  const writing = { given, give: (name: string, value: Given[string]) => setGiven((before) => ({ ...before, [name]: value })) }
  return (
    <Stack gap="xs" component="section" aria-label={t('New task')}>
      <Fields {...writing} fields={fields.filter((one) => one.name === 'brief')} labels={{ brief: t('New task') }} />
      <Group align="flex-end" className="octet-fields">
        <Fields {...writing} fields={fields.filter((one) => FIRST.includes(one.name))} />
        <Templates />
      </Group>
      <details>
        <summary>{t('More')}</summary>
        <div className="octet-cards">
          <Fields {...writing} fields={fields.filter((one) => one.name !== 'brief' && !FIRST.includes(one.name))} />
        </div>
        <SaveTemplate given={given} />
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

/** The user's templates, where there are any. */
function Templates() {
  const [where, go] = useLocation()
  const search = useSearch()
  const found = useMe().data?.views.filter(({ address }) => address.startsWith(`/tasks?${OF_FORM}`)) ?? []
  if (!found.length) return null
  const data = [{ value: where, label: t('none') }, ...found.map(({ name, address }) => ({ value: address, label: name }))]
  return <NativeSelect label={t('Template')} data={data} value={`${where}?${search}`} onChange={(event) => go(event.currentTarget.value)} />
}

function SaveTemplate({ given }: { given: Given }) {
  const [name, setName] = useState('')
  const save = useSaveView()
  const values = Object.entries(given).filter((one): one is [string, string] => typeof one[1] === 'string' && one[1] !== '')
  const address = `/tasks?${new URLSearchParams(values.map(([field, value]) => [OF_FORM + field, value]))}`
  return (
    <Group align="flex-end" mt="xs">
      <TextInput label={t('Save as a template')} description={t('All of the form but its file; it is yours in every browser')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      <Act disabled={!name.trim() || !values.length} call={() => save(name.trim(), address).then(() => setName(''))}>{t('Save the template')}</Act>
    </Group>
  )
}
