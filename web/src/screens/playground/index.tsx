// Octet's API to try out: Swagger UI over Octet's own description, with the log-in of this page.
import { Stack, Text, Title } from '@mantine/core'
import { useEffect, useRef } from 'react'
import 'swagger-ui-dist/swagger-ui.css'
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import './playground.css'
import { SECRET, secret } from '../../api'
import { t } from '../../language'

export default function Playground() {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    SwaggerUI({
      domNode: place.current,
      url: '/api/v2/openapi.json',
      docExpansion: 'none',
      filter: true,
      deepLinking: false,
      defaultModelsExpandDepth: -1,
      showMutatedRequest: false, // the example for curl shows no secret
      requestInterceptor: (request) => ({ ...request, headers: { ...request.headers, [SECRET]: secret() } }),
    })
  }, [])
  return (
    <Stack>
      <Title order={1} size="h2">{t('API playground')}</Title>
      <Text>{t('What you send here, Octet carries out as you. An API key does the same for a program.')}</Text>
      <div className="octet-playground" ref={place} />
    </Stack>
  )
}
