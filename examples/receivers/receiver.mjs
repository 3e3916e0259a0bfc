// Receive alerts: `WEBHOOK_SECRET=whsec_… node receiver.mjs [PORT]`. Needs standardwebhooks.
//
// Prints a line for each alert. The signature is made over the bytes as they came, so it is verified before they are parsed.
// An alert may come twice (a crash after the answer); `webhook-id` is the same then.

import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.WEBHOOK_SECRET)
const seen = new Set() // yours: a table with a unique key

const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  let notification
  try {
    notification = webhook.verify(Buffer.concat(chunks), request.headers)
  } catch (error) {
    console.log(`refused: ${error.message}`)
    response.writeHead(401).end()
    return
  }
  if (!seen.has(request.headers['webhook-id'])) {
    seen.add(request.headers['webhook-id'])
    for (const { status, labels, annotations } of notification.alerts) {
      console.log(status, labels.alertname, labels.severity, annotations.summary)
    }
  }
  // 204 for what is ours, 401 for what is not; what is answered otherwise, or not at all, comes again.
  response.writeHead(204).end()
})
server.listen(Number(process.argv[2] ?? 9000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`)
})
