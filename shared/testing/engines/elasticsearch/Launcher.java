import java.nio.file.Path;
import java.util.Map;
import org.elasticsearch.cluster.ClusterName;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts a node in this process, without the command line's own processes and checks.
 * Arguments: the home folder, then settings as name=value.
 */
public final class Launcher {
  private static final String NODE_NAME = "mindora";

  private Launcher() {}

  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]).toAbsolutePath();
    LogConfigurator.configureESLogging();
    Environment environment = InternalSettingsPreparer.prepareEnvironment(
        settings(home, args), Map.of(), home.resolve("config"), () -> NODE_NAME);
    configureLogging(environment);
    Node node = new Node(environment, plugins(home));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
    node.start();
    Thread.currentThread().join();
  }

  private static Settings settings(Path home, String[] args) {
    Settings.Builder settings = Settings.builder().put("path.home", home.toString());
    for (int i = 1; i < args.length; i++) {
      String[] pair = args[i].split("=", 2);
      settings.put(pair[0], pair[1]);
    }
    return settings.build();
  }

  private static void configureLogging(Environment environment) throws Exception {
    LogConfigurator.setNodeName(NODE_NAME);
    LogConfigurator.setClusterName(ClusterName.CLUSTER_NAME_SETTING.get(environment.settings()).value());
    LogConfigurator.configure(environment, true);
  }

  private static PluginsLoader plugins(Path home) {
    return PluginsLoader.createPluginsLoader(
        PluginsLoader.loadModulesBundles(home.resolve("modules")),
        PluginsLoader.loadPluginsBundles(home.resolve("plugins")),
        Map.of());
  }

  private static void close(Node node) {
    try {
      node.prepareForClose();
      node.close();
    } catch (Exception failure) {
      failure.printStackTrace();
    }
  }
}
