"""Checks manifests against Kubernetes' own schemas, no unknown field allowed: validate.py FOLDER VERSION…

Prints how many checks were made; exit code 1 and a line each for what is wrong. Custom resources have no schema here."""
import pathlib, sys
import kubernetes_validate, yaml

OURS = {'CustomResourceDefinition', 'KapacitorCluster', 'PodMonitor', 'PrometheusRule', 'ServiceMonitor'}
checks, wrong = 0, []
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.yaml')):
    for manifest in yaml.safe_load_all(path.read_text()):
        if not manifest or manifest['kind'] in OURS:
            continue
        for version in sys.argv[2:]:
            checks += 1
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                where = '.'.join(str(step) for step in error.path)
                wrong.append('%s: %s %s: %s: %s' % (path.name, manifest['kind'], version, where, error.message))
print(checks)
print('\n'.join(wrong), file=sys.stderr)
sys.exit(bool(wrong))
