// One agent with its window.
import { Group, Stack, Text, Textarea, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { client, resultOf, windowPicture } from '../../api'
import { Act, Ago, Nothing, Shown, State, To } from '../../parts'

export default function Agent({ name }: { name: string }) {
  const path = { params: { path: { agent: name } } }
  const agent = useQuery({ queryKey: ['agents', name], queryFn: () => resultOf(client.GET('/api/v2/agents/{agent}', path)) })
  return (
    <Stack>
      <Title order={1} size="h2">{name}</Title>
      <Shown query={agent}>
        {(one) => (
          <Stack>
            <Group>
              <State of="agent" state={one.state} />
              <Ago ms={one.since_ms} />
              {one.task && <To href={`/tasks/${one.task}`}>{one.task}</To>}
            </Group>
            <Text>{one.agent.about}</Text>
            {one.note && <Text size="sm">{one.note}</Text>}
            <Group align="flex-start">
              {one.state === 'paused' || one.state === 'draining' ? (
                <Act call={() => resultOf(client.POST('/api/v2/agents/{agent}/resume', path))}>Resume</Act>
              ) : (
                <Act call={() => resultOf(client.POST('/api/v2/agents/{agent}/pause', path))}>Pause</Act>
              )}
              <Act sure={`Stop ${name} now?`} call={() => resultOf(client.POST('/api/v2/agents/{agent}/interrupt', path))}>Stop</Act>
              <Act sure={`Begin a new chat in ${name}?`} call={() => resultOf(client.POST('/api/v2/agents/{agent}/new-chat', path))}>New chat</Act>
            </Group>
            {one.agent.window && <Window name={name} />}
            <Send name={name} />
            <section aria-label="Queue">
              <Title order={2} size="h4">Waits for it</Title>
              {one.queue.length === 0 && <Nothing>Nothing waits for {name} alone.</Nothing>}
              {one.queue.map((work) => (
                <Text key={work.message ?? work.task} size="sm">{work.task} {work.title}</Text>
              ))}
            </section>
          </Stack>
        )}
      </Shown>
    </Stack>
  )
}

function Window({ name }: { name: string }) {
  // A hidden tab asks for no pictures.
  const picture = useQuery({
    queryKey: ['picture', name],
    queryFn: () => windowPicture(name),
    refetchInterval: 5_000,
    refetchIntervalInBackground: false,
    gcTime: 0,
  })
  return (
    <section aria-label={`Window of ${name}`}>
      <Shown query={picture}>{(source) => <img className="octet-window" src={source} alt={`What the window of ${name} shows`} />}</Shown>
      {picture.dataUpdatedAt > 0 && (
        <Text size="sm" c="var(--octet-quiet)">Picture of {new Date(picture.dataUpdatedAt).toLocaleTimeString()}</Text>
      )}
    </section>
  )
}

function Send({ name }: { name: string }) {
  const [text, setText] = useState('')
  return (
    <Stack gap="xs">
      <Textarea label={`Message to ${name}`} autosize minRows={2} value={text} onChange={(event) => setText(event.currentTarget.value)} />
      <Act
        disabled={!text.trim()}
        call={async () => {
          await resultOf(client.POST('/api/v2/messages', { params: { header: { 'Idempotency-Key': crypto.randomUUID() } }, body: { text, agent: name } }))
          setText('')
        }}
      >
        Send
      </Act>
    </Stack>
  )
}
