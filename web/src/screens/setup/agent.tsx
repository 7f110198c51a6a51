// The first agent: a program that Octet runs, or a pane that it finds.
import { Group, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { client, resultOf, type Schemas } from '../../api'
import { useAgents } from '../../form'
import { t } from '../../language'
import { Act, Nothing, Shown, To } from '../../parts'

export default function SetupAgent() {
  const queries = useQueryClient()
  const config = useQuery({ queryKey: ['config'], meta: { isFixed: true }, queryFn: () => resultOf(client.GET('/api/v2/config')) })
  const names = useAgents()
  const [given, setName] = useState<string>()
  const name = given ?? Array.from(Array(names.length + 1), (_, at) => `Agent-${at + 1}`).find((one) => !names.includes(one)) ?? ''
  const [about, setAbout] = useState('')
  const [program, setProgram] = useState('')
  const [folder, setFolder] = useState('')
  const [made, setMade] = useState('')
  const add = async (body: Partial<Schemas['agent_add']>) => {
    await resultOf(client.POST('/api/v2/agents', { body: { name, about, lane: 'acp', ...body } }))
    setMade(name)
    setName(undefined)
    await queries.invalidateQueries({ queryKey: ['agents'] })
  }
  return (
    <Stack>
      <Title order={1} size="h2">{t('A new agent')}</Title>
      <Group align="flex-end">
        <TextInput label={t('Its name')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <TextInput label={t('What it is for')} description={t('In a few words, such as: builds and tests')} value={about} onChange={(event) => setAbout(event.currentTarget.value)} />
      </Group>
      <section aria-label={t('A program that Octet runs')}>
        <Title order={2} size="h4">{t('A program that Octet runs')}</Title>
        <Text size="sm" mb="xs">{t('Install it and log in to it first; Octet starts it without a window.')}</Text>
        <Shown query={config}>
          {({ items }) => {
            const programs = items.filter((one) => one.kind === 'program').map((one) => one.name)
            return (
              <Group align="flex-end">
                <NativeSelect label={t('Program')} data={programs} value={program || programs[0]} onChange={(event) => setProgram(event.currentTarget.value)} />
                <TextInput label={t('Folder in which it works')} placeholder="/home/ada/project" value={folder} onChange={(event) => setFolder(event.currentTarget.value)} />
                <Act variant="filled" needs="config.reload" disabled={!name.trim() || !about.trim() || !folder.trim()} call={() => add({ program: program || programs[0], folder })}>{t('Add the agent')}</Act>
              </Group>
            )
          }}
        </Shown>
      </section>
      <Found ready={Boolean(name.trim() && about.trim())} add={add} />
      {made && (
        <Text role="status">
          {t('{name} is an agent now.', { name: made })} <To href={`/agents/${made}`}>{t('Look at it')}</To> · <To href="/tasks">{t('Give it a first task')}</To>
        </Text>
      )}
    </Stack>
  )
}

/** What looks like an agent on the desks that Octet has. */
function Found({ ready, add }: { ready: boolean; add: (body: Partial<Schemas['agent_add']>) => Promise<void> }) {
  const [found, setFound] = useState<Schemas['AgentProposal'][]>()
  return (
    <section aria-label={t('A window or pane that is open')}>
      <Title order={2} size="h4" mb="xs">{t('A window or pane that is open')}</Title>
      <Act needs="desk.see" call={async () => setFound(await resultOf(client.POST('/api/v2/agents/discover', {})))}>{t('Look for them')}</Act>
      {found?.length === 0 && <Nothing>{t('No window or pane looks like an agent that Octet does not know.')}</Nothing>}
      {found?.map((one) => (
        <Group key={`${one.desk} ${one.title} ${one.pane}`}>
          <Text size="sm">{`${one.title} · ${one.profile} · ${one.desk}`}</Text>
          {one.pane ? (
            <Act disabled={!ready} call={() => add({ lane: 'terminal', desk: one.desk, pane: one.pane, profile: one.profile })}>{t('Add the agent')}</Act>
          ) : (
            <To href={`/setup/windows?desk=${encodeURIComponent(one.desk)}`}>{t('Connect it')}</To>
          )}
        </Group>
      ))}
    </section>
  )
}
