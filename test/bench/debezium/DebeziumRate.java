import io.debezium.embedded.Connect;
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Counts what Debezium's embedded engine reads of one table, and tells how long that took from the first event to the
 * last, and from the middle one to the last. Goes on where the run before it in the same directory ended.
 *
 * Arguments: host, port, database, table, directory, events to wait for, json or connect.
 */
public class DebeziumRate {
  private final long wanted;
  private final CountDownLatch done = new CountDownLatch(1);
  private long count;
  private long firstAt;
  private long middleAt;
  private long lastAt;

  DebeziumRate(long wanted) {
    this.wanted = wanted;
  }

  public static void main(String[] arguments) throws Exception {
    DebeziumRate rate = new DebeziumRate(Long.parseLong(arguments[5]));
    DebeziumEngine<?> engine = rate.engine(settings(arguments), arguments[6]);
    ExecutorService thread = Executors.newSingleThreadExecutor();
    thread.execute(engine);
    rate.done.await();
    engine.close();
    System.out.println(rate);
    System.exit(0);
  }

  private static Properties settings(String[] arguments) {
    Properties settings = new Properties();
    settings.setProperty("name", "rate");
    settings.setProperty("connector.class", "io.debezium.connector.mariadb.MariaDbConnector");
    settings.setProperty("database.hostname", arguments[0]);
    settings.setProperty("database.port", arguments[1]);
    settings.setProperty("database.user", System.getenv("RATE_USER"));
    settings.setProperty("database.password", System.getenv("RATE_PASSWORD"));
    settings.setProperty("database.ssl.mode", "disable");
    settings.setProperty("database.server.id", "8206");
    settings.setProperty("topic.prefix", "rate");
    settings.setProperty("database.include.list", arguments[2]);
    settings.setProperty("table.include.list", arguments[2] + "." + arguments[3]);
    settings.setProperty("offset.storage", "org.apache.kafka.connect.storage.FileOffsetBackingStore");
    settings.setProperty("offset.storage.file.filename", arguments[4] + "/offsets");
    settings.setProperty("offset.flush.interval.ms", "1000");
    settings.setProperty("schema.history.internal", "io.debezium.storage.file.history.FileSchemaHistory");
    settings.setProperty("schema.history.internal.file.filename", arguments[4] + "/history");
    settings.setProperty("converter.schemas.enable", "false");
    return settings;
  }

  private DebeziumEngine<?> engine(Properties settings, String format) {
    if (format.equals("json")) {
      return DebeziumEngine.create(Json.class).using(settings).notifying((records, committer) -> {
        for (ChangeEvent<String, String> each : records) {
          if (each.value() != null && each.value().contains("\"op\":\"")) countOne();
          committer.markProcessed(each);
        }
        committer.markBatchFinished();
      }).build();
    }
    return DebeziumEngine.create(Connect.class).using(settings).notifying((records, committer) -> {
      for (ChangeEvent<SourceRecord, SourceRecord> each : records) {
        if (each.value().value() instanceof Struct value && value.schema().field("op") != null) countOne();
        committer.markProcessed(each);
      }
      committer.markBatchFinished();
    }).build();
  }

  private void countOne() {
    lastAt = System.nanoTime();
    if (++count == 1) firstAt = lastAt;
    if (count == wanted / 2) middleAt = lastAt;
    if (count == wanted) done.countDown();
  }

  /** For the program that started this one. */
  @Override
  public String toString() {
    double wholeMs = (lastAt - firstAt) / 1e6;
    double secondHalfMs = (lastAt - middleAt) / 1e6;
    return String.format(java.util.Locale.ROOT, "{\"count\":%d,\"wholeMs\":%.1f,\"secondHalfMs\":%.1f}", count, wholeMs, secondHalfMs);
  }
}
