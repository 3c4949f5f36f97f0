"""The rarer keys as they may be written, and as they are shown: alone, and with a later file over them."""

from typing import Any

FORMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("annotations: [A=1, B]", {"annotations": {"A": "1", "B": ""}}),
    ("attach: false", {"attach": False}),
    (
        "blkio_config: {weight: 300, device_read_bps: [{path: /dev/sda, rate: 1mb}]}",
        {"blkio_config": {"weight": 300, "device_read_bps": [{"Path": "/dev/sda", "Rate": "1048576"}]}},
    ),
    (
        "blkio_config: {weight_device: [{path: /dev/sda, weight: 20}], device_write_iops: [{path: /x, rate: 30}]}",
        {
            "blkio_config": {
                "weight_device": [{"Path": "/dev/sda", "Weight": 20}],
                "device_write_iops": [{"Path": "/x", "Rate": "30"}],
            }
        },
    ),
    ("configs: [c, {source: d, target: sub/d, mode: 0600}]", {
        "configs": [{"source": "c"}, {"source": "d", "target": "sub/d", "mode": "0600"}]
    }),
    ("cpu_count: 2\ncpu_percent: 50", {"cpu_count": 2, "cpu_percent": 50}),
    ("cpu_period: '100000'\ncpu_quota: 50000", {"cpu_period": 100_000, "cpu_quota": 50_000}),
    ("cpu_rt_period: 10ms\ncpu_rt_runtime: 900us", {"cpu_rt_period": 10_000, "cpu_rt_runtime": 900}),
    ("credential_spec: {file: cred.json}", {"credential_spec": {"file": "cred.json"}}),
    ("deploy:", {}),
    ("deploy: {}", {"deploy": {"resources": {}, "placement": {}}}),
    (
        "deploy: {mode: global, replicas: '2', endpoint_mode: vip, labels: [a=b]}",
        {
            "deploy": {
                "mode": "global", "replicas": 2, "endpoint_mode": "vip", "labels": {"a": "b"},
                "resources": {}, "placement": {},
            }
        },
    ),
    (
        "deploy: {update_config: {parallelism: 0, delay: 10s, order: start-first}, rollback_config: {delay: 0s}}",
        {
            "deploy": {
                "update_config": {"parallelism": 0, "delay": "10s", "order": "start-first"},
                "rollback_config": {}, "resources": {}, "placement": {},
            }
        },
    ),
    (
        ("deploy: {resources: {limits: {cpus: '0.50', memory: 50M, pids: 5}, reservations: {cpus: 0.25, memory: 1k,"
        " generic_resources: [{discrete_resource_spec: {kind: ssd, value: 2}}],"
        " devices: [{capabilities: [gpu], count: all, options: [a=b]}]}}}"),
        {
            "deploy": {
                "resources": {
                    "limits": {"cpus": 0.5, "memory": "52428800", "pids": 5},
                    "reservations": {
                        "cpus": 0.25,
                        "memory": "1024",
                        "generic_resources": [{"discrete_resource_spec": {"kind": "ssd", "value": 2}}],
                        "devices": [{"capabilities": ["gpu"], "count": -1, "options": {"a": "b"}}],
                    },
                },
                "placement": {},
            }
        },
    ),
    (
        ("deploy: {restart_policy: {condition: any, delay: 5s, max_attempts: 0, window: 2m},"
        " placement: {constraints: [node.role==manager], preferences: [{spread: zone}], max_replicas_per_node: 1}}"),
        {
            "deploy": {
                "restart_policy": {"condition": "any", "delay": "5s", "max_attempts": 0, "window": "2m"},
                "resources": {},
                "placement": {
                    "constraints": ["node.role==manager"],
                    "preferences": [{"spread": "zone"}],
                    "max_replicas_per_node": 1,
                },
            }
        },
    ),
    ("develop: {}", {"develop": {}}),
    (
        "develop: {watch: [{path: src, action: sync, target: /app, ignore: a, initial_sync: true}]}",
        {
            "develop": {
                "watch": [
                    {
                        "path": "/D/src", "action": "sync", "exec": {"command": None}, "target": "/app",
                        "ignore": ["a"], "initial_sync": True,
                    }
                ]
            }
        },
    ),
    (
        "develop: {watch: [{path: /q, action: sync+exec, exec: {command: 'echo a', environment: [K=v]}}]}",
        {
            "develop": {
                "watch": [
                    {
                        "path": "/q", "action": "sync+exec",
                        "exec": {"command": ["echo", "a"], "environment": {"K": "v"}},
                    }
                ]
            }
        },
    ),
    ("device_cgroup_rules: ['c 1:3 mr']", {"device_cgroup_rules": ["c 1:3 mr"]}),
    ("external_links: [redis, 'db:mysql']", {"external_links": ["redis", "db:mysql"]}),
    ("gpus: all", {"gpus": [{"count": -1}]}),
    (
        "gpus: [{driver: nvidia, count: 2}, {device_ids: ['0']}]",
        {"gpus": [{"driver": "nvidia", "count": 2}, {"device_ids": ["0"]}]},
    ),
    ("label_file: one.labels\nlabels: {C: own}", {"labels": {"A": "file", "B": "", "C": "own"}}),
    ("label_file: [one.labels, ./two.labels]", {"labels": {"A": "later", "B": "", "C": "x y"}}),
    ("mac_address: 02:42:ac:11:65:43", {"mac_address": "02:42:ac:11:65:43"}),
    ("mem_swappiness: 60", {"mem_swappiness": "60"}),
    ("models: [llm]", {"models": {"llm": None}}),
    ("models: {llm: {endpoint_var: U, model_var: M}}", {"models": {"llm": {"endpoint_var": "U", "model_var": "M"}}}),
    (
        "post_start: [{command: sh -c 'a b', user: root, privileged: true, working_dir: /x, environment: [F=B, G]}]",
        {
            "post_start": [
                {
                    "command": ["sh", "-c", "a b"], "user": "root", "privileged": True, "working_dir": "/x",
                    "environment": {"F": "B", "G": None},
                }
            ]
        },
    ),
    ("pre_stop: [{command: [a]}]\npre_start: [{command: [b]}]", {
        "pre_stop": [{"command": ["a"]}], "pre_start": [{"command": ["b"]}]
    }),
    (
        "provider: {type: cloud, options: {a: 1, b: [true, x]}}",
        {"provider": {"type": "cloud", "options": {"a": ["1"], "b": ["true", "x"]}}},
    ),
    ("pull_policy: refresh\npull_refresh_after: 1d", {"pull_policy": "refresh"}),
    ("scale: 0", {"scale": 0}),
    (
        "secrets: [s, {source: e, target: x, uid: '1', gid: '2', mode: 288}]",
        {
            "secrets": [
                {"source": "s", "target": "/run/secrets/s"},
                {"source": "e", "target": "x", "uid": "1", "gid": "2", "mode": "0440"},
            ]
        },
    ),
    ("storage_opt: {size: 1G}", {"storage_opt": {"size": "1G"}}),
    ("use_api_socket: true", {"use_api_socket": True}),
    ("volumes_from: ['container:old:ro']", {"volumes_from": ["container:old:ro"]}),
    (
        "volumes: [{type: volume, source: data, target: /a, volume: {subpath: b, labels: [k=v]}}]",
        {
            "volumes": [
                {"type": "volume", "source": "data", "target": "/a", "volume": {"subpath": "b", "labels": {"k": "v"}}}
            ]
        },
    ),
    (
        "volumes: [{type: image, source: 'b:1', target: /a, image: {subpath: etc}}]",
        {"volumes": [{"type": "image", "source": "b:1", "target": "/a", "image": {"subpath": "etc"}}]},
    ),
    (
        "volumes: [{type: bind, source: x, target: /a, consistency: cached, bind: {recursive: disabled}}]",
        {
            "volumes": [
                {
                    "type": "bind", "source": "/D/x", "target": "/a", "consistency": "cached",
                    "bind": {"recursive": "disabled"},
                }
            ]
        },
    ),
    (
        ("build: {context: ., additional_contexts: [a=./x, 'b=docker-image://y'], cache_to: [c], entitlements: [n],"
        " isolation: default, platforms: [linux/amd64], privileged: true, provenance: mode=max, sbom: false,"
        " secrets: [s, {source: e, target: t}], ssh: [default, k=/a], ulimits: {nofile: 5}}"),
        {
            "build": {
                "context": "/D", "dockerfile": "Dockerfile",
                "additional_contexts": {"a": "/D/x", "b": "docker-image://y"},
                "cache_to": ["c"], "entitlements": ["n"], "isolation": "default", "platforms": ["linux/amd64"],
                "privileged": True, "provenance": "mode=max", "sbom": "false",
                "secrets": [{"source": "s"}, {"source": "e", "target": "t"}],
                "ssh": ["default", "k=/a"], "ulimits": {"nofile": 5},
            }
        },
    ),
)  # fmt: skip

OVERRIDES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("annotations: [A=1]", "annotations: {A: 2, B: x}", {"annotations": {"A": "2", "B": "x"}}),
    ("attach: true", "attach: false", {"attach": False}),
    (
        "blkio_config: {weight: 1, device_read_bps: [{path: /a, rate: 1}]}",
        "blkio_config: {weight: 2, device_read_bps: [{path: /a, rate: 2}]}",
        {
            "blkio_config": {
                "weight": 2,
                "device_read_bps": [{"Path": "/a", "Rate": "1"}, {"Path": "/a", "Rate": "2"}],
            }
        },
    ),
    ("configs: [c]", "configs: [{source: d, target: /c}]", {"configs": [{"source": "d", "target": "/c"}]}),
    (
        "secrets: [s]",
        "secrets: [{source: s, mode: '0400'}, {source: s, target: other}]",
        {
            "secrets": [
                {"source": "s", "target": "/run/secrets/s", "mode": "0400"},
                {"source": "s", "target": "other"},
            ]
        },
    ),
    (
        "deploy: {replicas: 2, placement: {constraints: [a]}, labels: {a: 1}}",
        "deploy: {replicas: 4, placement: {constraints: [b, a]}, labels: [b=2]}",
        {
            "deploy": {
                "replicas": 4,
                "labels": {"a": "1", "b": "2"},
                "resources": {},
                "placement": {"constraints": ["a", "b", "a"]},
            }
        },
    ),
    (
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}",
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}",
        {
            "deploy": {
                "resources": {"reservations": {"devices": [{"capabilities": ["gpu"], "count": 1}] * 2}},
                "placement": {},
            }
        },
    ),
    ("gpus: all", "gpus: [{driver: b}]", {"gpus": [{"count": -1}, {"driver": "b", "count": -1}]}),
    ("post_start: [{command: [a]}]", "post_start: [{command: [a]}]", {"post_start": [{"command": ["a"]}] * 2}),
    (
        "provider: {type: a, options: {x: [1], y: 2}}",
        "provider: {options: {x: [3]}}",
        {"provider": {"type": "a", "options": {"x": ["3"], "y": ["2"]}}},
    ),
    ("storage_opt: {a: x}", "storage_opt: {a: y, b: z}", {"storage_opt": {"a": "y", "b": "z"}}),
    ("external_links: [a, b]", "external_links: [b, c]", {"external_links": ["a", "b", "c"]}),
    ("label_file: one.labels", "label_file: two.labels", {"labels": {"A": "later", "B": "", "C": "x y"}}),
    ("deploy: {replicas: 2}\ngpus: all", "deploy: !reset null\ngpus: !override [{driver: d}]", {
        "gpus": [{"driver": "d", "count": -1}]
    }),
)  # fmt: skip
