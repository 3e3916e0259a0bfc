// Follow the scored tweets: `node consumer.mjs [SERVERS] [TOPIC] [GROUP]`. Needs @platformatic/kafka, which reads the
// LZ4 that the worker packs its batches with.
//
// One line of JSON for each prediction. A position is committed after what came before it was printed, so that after a crash
// something may come twice, and nothing is left out; `prediction_id` tells what you have already.

import { Consumer, FetchIsolationLevels, stringDeserializers } from '@platformatic/kafka'

const [servers = '127.0.0.1:9092', topic = 'tweets.scored', groupId = 'example-node'] = process.argv.slice(2)
const consumer = new Consumer({
  clientId: 'example-node',
  groupId,
  bootstrapBrokers: servers.split(','),
  deserializers: stringDeserializers,
})
const records = await consumer.consume({
  topics: [topic],
  mode: 'committed',
  fallbackMode: 'earliest',
  autocommit: false,
  maxWaitTime: 1000,
  // Predictions are written in transactions: without this, those of aborted ones are read as well.
  isolationLevel: FetchIsolationLevels.READ_COMMITTED,
})

async function stop() {
  await records.close()
  await consumer.close(true)
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)

for await (const record of records) {
  const { tweet_id, prediction_id, sentiment, watches } = JSON.parse(record.value)
  console.log(JSON.stringify({ tweet_id, prediction_id, sentiment, watches }))
  await record.commit()
}
