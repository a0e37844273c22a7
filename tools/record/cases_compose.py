"""Compose projects: name → the file. The project is `lab`, in /home/alice/lab."""

from lib.images import BUSYBOX

# The format that compose 1.29 users still have: limits beside the service.
V2_4 = f"""
version: "2.4"
services:
  app:
    image: {BUSYBOX}
    command: sleep 600
    mem_limit: 2g
    memswap_limit: 3g
    mem_reservation: 1g
    cpus: 1.5
    pids_limit: 100
    shm_size: 1g
    ulimits: {{memlock: -1, nofile: {{soft: 1024, hard: 2048}}}}
    environment: {{A: "1", B: two}}
    volumes: ["cache:/cache", "../data:/data:ro", "/home/alice/data:/rw"]
    networks: {{front: {{aliases: [model]}}, back: {{}}}}
    ports: ["127.0.0.1:8888:8888", "6006"]
    restart: unless-stopped
    init: true
    labels: {{colour: green}}
volumes: {{cache: {{}}}}
networks: {{front: {{}}, back: {{}}}}
"""

GPU = f"""
version: "3.8"
services:
  train:
    image: {BUSYBOX}
    command: sleep 600
    deploy:
      resources:
        limits: {{cpus: "1.5", memory: 2g}}
        reservations:
          memory: 1g
          devices: [{{driver: nvidia, count: 1, capabilities: [gpu]}}]
"""

GPU_IDS = GPU.replace("count: 1", 'device_ids: ["0", "1"]')
GPU_ALL = GPU.replace("count: 1, ", "")

SEVERAL = f"""
version: "3.8"
services:
  db:
    image: {BUSYBOX}
    command: sleep 600
    healthcheck: {{test: ["CMD", "true"], interval: 1s}}
    volumes: [{{type: volume, source: data, target: /data}}, {{type: tmpfs, target: /scratch}}]
  app:
    image: {BUSYBOX}
    command: sleep 600
    depends_on: [db]
    user: "1000:1000"
    working_dir: /tmp
    read_only: true
    tmpfs: [/tmp]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    extra_hosts: ["db2:10.0.0.7"]
    logging: {{driver: json-file, options: {{max-size: 10m}}}}
  side:
    image: {BUSYBOX}
    command: sleep 600
    network_mode: "service:db"
volumes: {{data: {{}}}}
"""

CASES = {"limits": V2_4, "gpu": GPU, "gpu-ids": GPU_IDS, "gpu-all": GPU_ALL, "several": SEVERAL}
