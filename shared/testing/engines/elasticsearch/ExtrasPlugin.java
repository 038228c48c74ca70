package mindora;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.cjk.CJKAnalyzer;
import org.apache.lucene.analysis.cn.smart.SmartChineseAnalyzer;
import org.apache.lucene.util.Version;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterName;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.AnalyzerScope;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * What the whole product has and the distribution on Maven Central lacks: the analyzers cjk and smartcn, over the same
 * classes of Lucene, and the greeting at GET / that clients check.
 */
public final class ExtrasPlugin extends Plugin implements AnalysisPlugin, ActionPlugin {
  private record Provider(String name, Analyzer analyzer) implements AnalyzerProvider<Analyzer> {
    @Override
    public AnalyzerScope scope() {
      return AnalyzerScope.INDEX;
    }

    @Override
    public Analyzer get() {
      return analyzer;
    }
  }

  @Override
  public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
    return Map.of(
        "cjk", (index, environment, name, settings) -> new Provider(name, new CJKAnalyzer()),
        "smartcn", (index, environment, name, settings) -> new Provider(name, new SmartChineseAnalyzer()));
  }

  @Override
  public Collection<RestHandler> getRestHandlers(
      Settings settings,
      NamedWriteableRegistry registry,
      RestController controller,
      ClusterSettings clusterSettings,
      IndexScopedSettings indexSettings,
      SettingsFilter filter,
      IndexNameExpressionResolver resolver,
      Supplier<DiscoveryNodes> nodes,
      Predicate<NodeFeature> features) {
    return List.of(new Greeting(ClusterName.CLUSTER_NAME_SETTING.get(settings).value(), nodes));
  }

  private static final class Greeting extends BaseRestHandler {
    private final String cluster;
    private final Supplier<DiscoveryNodes> nodes;

    Greeting(String cluster, Supplier<DiscoveryNodes> nodes) {
      this.cluster = cluster;
      this.nodes = nodes;
    }

    @Override
    public String getName() {
      return "mindora_greeting";
    }

    @Override
    public List<Route> routes() {
      return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
      return channel -> channel.sendResponse(new RestResponse(RestStatus.OK, body(channel)));
    }

    private XContentBuilder body(RestChannel channel) throws IOException {
      XContentBuilder body = channel.newBuilder().startObject();
      body.field("name", nodes.get().getLocalNode().getName()).field("cluster_name", cluster);
      body.startObject("version")
          .field("number", Build.current().version())
          .field("build_flavor", "default")
          .field("lucene_version", Version.LATEST.toString())
          .endObject();
      return body.field("tagline", "You Know, for Search").endObject();
    }
  }
}
