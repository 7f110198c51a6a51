declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  type Sent = { headers: Record<string, string> }
  export default function SwaggerUI(options: {
    domNode: HTMLElement | null
    url: string
    docExpansion: 'none'
    filter: boolean
    deepLinking: boolean
    defaultModelsExpandDepth: number
    showMutatedRequest: boolean
    requestInterceptor: (request: Sent) => Sent
  }): void
}
