/** Settings of flanneld's that weftd takes, so that a unit file of flanneld's works, and that have no effect. */
import { option } from './option.ts';
import { boolean, path, text, type ValueType } from './values.ts';

/** A setting of flanneld's that has no meaning here; klog's are not flanneld's own and have no environment form. */
function ignored(help: string, type: ValueType<boolean> | ValueType<string>, flanneld = false) {
  return option<boolean | string>({
    group: 'ignored',
    type,
    help,
    flanneld,
    ignored: true,
    notInFile: true,
    flagOnly: !flanneld,
  });
}

export const IGNORED = {
  'kube-api-url': ignored('Kubernetes API', text('URL'), true),
  'kubeconfig-file': ignored('Kubernetes credentials', path, true),
  'kube-annotation-prefix': ignored('Kubernetes annotations', text('TEXT'), true),
  'set-node-network-unavailable': ignored('Kubernetes node condition', boolean, true),
  'net-config-path': ignored('Kubernetes network configuration', path, true),
  'iptables-resync': ignored('weftd repairs rules when they change', text('SECONDS'), true),
  vmodule: ignored('klog: verbosity by file', text('TEXT'), true),
  log_backtrace_at: ignored('klog: traces', text('TEXT'), true),
  logtostderr: ignored('klog: weftd logs to stdout', boolean),
  alsologtostderr: ignored('klog', boolean),
  stderrthreshold: ignored('klog', text('TEXT')),
  log_dir: ignored('klog: weftd writes no log files', text('PATH')),
  log_file: ignored('klog', text('PATH')),
  log_file_max_size: ignored('klog', text('NUMBER')),
  add_dir_header: ignored('klog', boolean),
  skip_headers: ignored('klog', boolean),
  skip_log_headers: ignored('klog', boolean),
  one_output: ignored('klog', boolean),
} as const;
