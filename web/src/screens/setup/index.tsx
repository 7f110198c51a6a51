// Wizards: the first agent, connecting windows, and inviting a person.
import { Stack, Text, Title } from '@mantine/core'
import { t } from '../../language'
import { useMay } from '../../me'
import { To } from '../../parts'

const wizards = () => [
  { href: '/setup/agent', needs: 'config.reload', title: t('An agent that Octet starts'), about: t('A program such as OpenCode or Gemini CLI, without a window; or a pane of your tmux.') },
  { href: '/setup/windows', needs: 'desk.see', title: t('Windows that are open'), about: t('Octet numbers the windows of a desk, tests each with a draft and saves what works.') },
  { href: '/setup/person', needs: 'role.manage', title: t('A person'), about: t('Give a person a role, and make the address that logs their browser in.') },
]

export default function Setup() {
  const may = useMay()
  return (
    <Stack>
      <Title order={1} size="h2">{t('Setup')}</Title>
      <div className="octet-cards">
        {wizards().map(({ href, needs, title, about }) => (
          <div className="octet-row" key={href}>
            {may(needs) ? <To href={href}>{title}</To> : <Text>{title}</Text>}
            <Text size="sm">{about}</Text>
            {!may(needs) && <Text size="sm" c="var(--octet-quiet)">{t('Your role does not allow it. Ask an owner.')}</Text>}
          </div>
        ))}
      </div>
    </Stack>
  )
}
