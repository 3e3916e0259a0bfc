import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Follows the scored tweets: {@code java -cp 'jars/*' Consumer.java [SERVERS] [TOPIC] [GROUP]}. Needs kafka-clients, lz4-java
 * and jackson-databind.
 *
 * <p>One line of JSON for each prediction. A position is committed after what came before it was printed, so that after a
 * crash something may come twice, and nothing is left out; {@code prediction_id} tells what you have already.
 */
public class Consumer {
  public static void main(String[] arguments) throws Exception {
    String servers = arguments.length > 0 ? arguments[0] : "127.0.0.1:9092";
    String topic = arguments.length > 1 ? arguments[1] : "tweets.scored";
    Properties properties = new Properties();
    properties.put("bootstrap.servers", servers);
    properties.put("group.id", arguments.length > 2 ? arguments[2] : "example-java");
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    // Predictions are written in transactions: without this, those of aborted ones are read as well.
    properties.put("isolation.level", "read_committed");

    ObjectMapper json = new ObjectMapper();
    KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    Thread main = Thread.currentThread();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  consumer.wakeup();
                  try {
                    main.join(10_000);
                  } catch (InterruptedException ignored) {
                    Thread.currentThread().interrupt();
                  }
                }));
    try (consumer) {
      consumer.subscribe(List.of(topic));
      while (true) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(1));
        for (ConsumerRecord<String, String> record : records) {
          JsonNode prediction = json.readTree(record.value());
          System.out.println(
              json.createObjectNode()
                  .put("tweet_id", prediction.get("tweet_id").asText())
                  .put("prediction_id", prediction.get("prediction_id").asText())
                  .put("sentiment", prediction.get("sentiment").asText())
                  .set("watches", prediction.get("watches")));
        }
        if (!records.isEmpty()) {
          consumer.commitSync();
        }
      }
    } catch (WakeupException stopped) {
      // Ctrl-C or SIGTERM: the consumer is closed, which leaves the group.
    }
  }
}
