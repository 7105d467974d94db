"""Reads dbt's artifacts as programs do that know dbt's schemas: dbt.py FOLDER; prints what they tell, as JSON."""

import json
import pathlib
import sys

from dbt_artifacts_parser.parser import parse_catalog_v1, parse_manifest_v12, parse_run_results_v6

folder = pathlib.Path(sys.argv[1])


def read(name):
    return json.loads((folder / name).read_text())


manifest = parse_manifest_v12(read("manifest.json"))
catalog = parse_catalog_v1(read("catalog.json"))
results = parse_run_results_v6(read("run_results.json"))
known = {**manifest.nodes, **manifest.sources, **manifest.exposures, **manifest.unit_tests}
for name, parents in manifest.parent_map.items():
    assert name in known, name
    assert all(parent in known for parent in parents), (name, parents)
for result in results.results:
    assert result.unique_id in known, result.unique_id
for name in [*catalog.nodes, *catalog.sources]:
    assert name in known, name
print(
    json.dumps(
        {
            "resources": sorted({type(node).__name__ and node.resource_type if isinstance(node.resource_type, str) else node.resource_type.value for node in known.values()}),
            "nodes": sorted(manifest.nodes),
            "parents": {name: sorted(parents) for name, parents in manifest.parent_map.items() if not name.startswith("test.")},
            "columns": {name: list(relation.columns) for name, relation in catalog.nodes.items()},
            "statuses": sorted({result.status.value for result in results.results}),
            "results": len(results.results),
        }
    )
)
