import '@mantine/core/styles/baseline.css'
import '@mantine/core/styles/default-css-variables.css'
import '@mantine/core/styles/global.css'
import '@mantine/core/styles/UnstyledButton.css'
import '@mantine/core/styles/Button.css'
import '@mantine/core/styles/Loader.css'
import '@mantine/core/styles/Group.css'
import '@mantine/core/styles/Stack.css'
import '@mantine/core/styles/Container.css'
import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/Text.css'
import '@mantine/core/styles/Title.css'
import '@mantine/core/styles/Anchor.css'
import '@mantine/core/styles/Alert.css'
import '@mantine/core/styles/CloseButton.css'
import '@mantine/core/styles/Table.css'
import './page.css'
import { MantineProvider, createTheme } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { loadLanguage } from './language'
import { Page } from './page'

const theme = createTheme({ autoContrast: true, luminanceThreshold: 0.35, primaryColor: 'indigo', primaryShade: { light: 7, dark: 8 }, fontFamily: 'system-ui, sans-serif' })
// News say when something is out of date, so nothing is asked for again by time.
const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: 1, refetchOnWindowFocus: true } } })

async function show(root: HTMLElement): Promise<void> {
  await loadLanguage()
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queries}>
          <Page />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}

// A new link in a tab that shows the page already: the browser alone would change the address only.
window.addEventListener('hashchange', () => location.reload())
const root = document.getElementById('root')
if (root) void show(root)
// The shell opens without Octet, where the browser allows it.
if (import.meta.env.PROD) void navigator.serviceWorker?.register('/page/sw.js', { scope: '/page' }).catch(() => undefined)
