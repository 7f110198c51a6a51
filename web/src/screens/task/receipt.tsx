// One receipt of a task: what was asked, sent, seen and answered, with the pictures that Octet kept.
import { Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { client, Refusal, resultOf, type Schemas } from '../../api'
import { t } from '../../language'
import { Ago, Nothing, Shown, Sign, State } from '../../parts'
import { Files, Picture } from '../../picture'
import type { View } from '.'

type Kept = Schemas['KeptPicture'] & { name: string }
const UNSENT = new Set(['queued', 'leased', 'staging', 'staged', 'refused']) // nothing of it has reached Enter

export function Receipt({ view }: { view: View }) {
  const { task, deliveries, answers } = view
  const wasSent = deliveries.some((one) => !UNSENT.has(one.state))
  const receipts = useQuery({
    queryKey: ['receipts', task.id],
    enabled: wasSent,
    queryFn: () =>
      resultOf(client.GET('/api/v2/receipts/{named}', { params: { path: { named: task.id } } })).then(
        (found) => found as Schemas['Receipt'][],
        (error: Refusal) => {
          if (error.code === 'no_receipt') return []
          throw error
        },
      ),
  })
  return (
    <section aria-label={t('Receipt')}>
      <Title order={2} size="h4" mb="xs">{t('Receipt')}</Title>
      <ol className="octet-receipt">
        <Step name={t('Asked')} ms={task.created_ms} by={task.requester_name}>
          {task.text_expired_ms ? <Nothing>{t('Octet cleared this text after its time.')}</Nothing> : <pre className="octet-text">{task.brief}</pre>}
          <Files of={`/tasks/${task.id}`} files={task.attachments} />
        </Step>
        {task.choice && (
          <Step name={t('Given')}>
            <Text size="sm">{task.choice.short}</Text>
          </Step>
        )}
        {deliveries.map((one) => (
          <Step key={one.id} name={t('Sent')} ms={one.created_ms} by={one.agent} sign={<State of="delivery" state={one.state} />}>
            {one.note && <Text size="sm">{one.note}</Text>}
            {view.prompt && one === deliveries.at(-1) && (
              <details>
                <summary>{t('The prompt as {agent} got it', { agent: one.agent })}</summary>
                <pre className="octet-text">{view.prompt}</pre>
              </details>
            )}
          </Step>
        ))}
        {wasSent && <li>
          <Shown query={receipts}>
            {(found) =>
              found.length === 0 ? (
                <Nothing>{t('Nothing has been sent yet that Octet could have seen.')}</Nothing>
              ) : (
                <Stack gap="sm">
                  {found.map((one, at) => (
                    <Seen key={`${one.delivery.id} ${one.fence}`} receipt={one} isNewest={at === found.length - 1} />
                  ))}
                </Stack>
              )
            }
          </Shown>
        </li>}
        {answers.map((one) => (
          <Step key={one.id} name={one.final ? t('Answered') : t('Said')} ms={one.created_ms} by={one.sender_name || one.sender.replace(/^\w+:/, '')} sign={one.late && <Sign colour="orange">{t('late')}</Sign>}>
            <pre className="octet-text">{one.body}</pre>
            {one.evidence.map((item) => (
              <Text size="sm" key={item.text}>{item.text}</Text>
            ))}
            <Files of={`/messages/${one.id}`} files={one.attachments} />
          </Step>
        ))}
      </ol>
      {answers.length === 0 && <Nothing>{t('No answer yet.')}</Nothing>}
    </section>
  )
}

function Step({ name, ms, by, sign, children }: { name: string; ms?: number; by?: string; sign?: ReactNode; children: ReactNode }) {
  return (
    <li>
      <Group gap="xs">
        <Text fw={600}>{name}</Text>
        {by && <Text size="sm">{by}</Text>}
        {sign}
        {ms && <Ago ms={ms} />}
      </Group>
      {children}
    </li>
  )
}

function Seen({ receipt, isNewest }: { receipt: Schemas['Receipt']; isNewest: boolean }) {
  const { delivery, fence, at_ms, claim, before_enter, line } = receipt
  const pictures = receipt.pictures as Kept[]
  const kept = pictures.filter((one) => one.deleted_ms == null)
  return (
    <div>
      <Group gap="xs">
        <Text fw={600}>{t('Seen')}</Text>
        <Text size="sm">{delivery.agent}</Text>
        <Ago ms={at_ms} />
      </Group>
      {claim && <Text size="sm">{claim}</Text>}
      {before_enter && <Text size="sm">{before_enter}</Text>}
      <Text size="sm" c="var(--octet-quiet)">{line}</Text>
      {kept.length > 0 && (
        <details open={isNewest}>
          <summary>{t('Pictures')}</summary>
          <div className="octet-pictures">
            {kept.map((one) => (
              <figure key={one.name}>
                <Picture call={`GET /receipts/${encodeURIComponent(delivery.id)}/${fence}/pictures/${one.name}`} alt={one.shows} />
                <figcaption>{one.shows}</figcaption>
              </figure>
            ))}
          </div>
        </details>
      )}
    </div>
  )
}
