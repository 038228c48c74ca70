import { type Command, Option } from 'commander';
import { print, printJson } from '../output.ts';
import { composeDirectory, generatedFiles, outdatedFiles, writeGenerated } from '../versions/generated.ts';
import { manifestsDirectory } from '../versions/manifest.ts';
import { exitCodes, reportError } from './command.ts';

interface ComposeFlags {
  readonly manifests: string;
  readonly compose: string;
  readonly check: boolean;
  readonly json: boolean;
}

/** `mindora compose`: makes the files of Compose from the manifests. */
export function addCompose(program: Command): void {
  program
    .command('compose')
    .description("make Compose's files from the manifests")
    .addOption(new Option('--manifests <dir>', 'where the manifests are').default(manifestsDirectory, "Mindora's own"))
    .addOption(new Option('--compose <dir>', "where Compose's files are").default(composeDirectory, "Mindora's own"))
    .option('--check', 'only tell which are not as the manifests make them', false)
    .option('--json', 'print JSON for programs', false)
    .addHelpText('after', '\nExit code: 0 made, or as they should be; 1 not.\n\nExample:\n  mindora compose --check')
    .action(run);
}

function run({ manifests, compose, check, json }: ComposeFlags): void {
  try {
    const files = generatedFiles(manifests, compose);
    const changed = check ? outdatedFiles(files, compose) : writeGenerated(files, compose);
    if (json) printJson({ [check ? 'outdated' : 'written']: changed });
    else
      print(
        changed.length === 0
          ? 'all is as the manifests make it'
          : `${check ? 'not so' : 'made'}: ${changed.join(', ')}`,
      );
    process.exitCode = check && changed.length > 0 ? exitCodes.failed : exitCodes.ok;
  } catch (error) {
    reportError(error, json);
    process.exitCode = exitCodes.failed;
  }
}
