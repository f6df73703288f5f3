/// docs/service-openapi.yaml as the operator's service shows it; written by scripts/server-description.
enum ServiceDescription {
  static let text = #"""
    openapi: 3.1.0
    info:
      title: Varve operator's service
      version: "1"
      summary: The state of backups, and what can be done about it.
      description: |
        For programs; docs/service.md has the rest. Tokens are made with varve server-token add --service: of the kind
        read for what tells how backups are, full for what looks into them or starts something.
      license:
        name: Apache 2.0
        identifier: Apache-2.0
    security:
      - token: []
    paths:
      /health:
        get:
          operationId: getHealth
          summary: Whether the service lives, and whether the backups are good.
          security: []
          responses:
            "200":
              description: Also when the backups are not good.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/health"
            default:
              $ref: "#/components/responses/problem"
      /ready:
        get:
          operationId: getReady
          summary: Whether every repository has been looked at since the start.
          security: []
          responses:
            "200":
              description: It has.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/ready"
            "503":
              description: Not yet.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/ready"
            default:
              $ref: "#/components/responses/problem"
      /version:
        get:
          operationId: getVersion
          summary: The program.
          security: []
          responses:
            "200":
              description: Its name and version.
              content:
                application/json:
                  schema:
                    type: object
                    required: [program, version]
                    additionalProperties: false
                    properties:
                      program:
                        const: varve
                      version:
                        type: string
            default:
              $ref: "#/components/responses/problem"
      /metrics:
        get:
          operationId: getMetrics
          summary: The state in Prometheus' text format.
          responses:
            "200":
              description: As in the file of metrics.
              content:
                text/plain:
                  schema:
                    type: string
            "503":
              description: Nothing is known yet.
              content:
                application/json:
                  schema: {}
            default:
              $ref: "#/components/responses/problem"
      /api/openapi.yaml:
        get:
          operationId: getDescription
          summary: This description.
          security: []
          responses:
            "200":
              description: This description.
              content:
                application/yaml:
                  schema: {}
            default:
              $ref: "#/components/responses/problem"
      /api/admin/status:
        get:
          operationId: getStatus
          summary: What varve status --json prints.
          responses:
            "200":
              description: The state of everything.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/status"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/backups/sources:
        get:
          operationId: listSources
          summary: Every source of every profile in every repository.
          responses:
            "200":
              description: The sources.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/sources"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/backups/alerts/stale:
        get:
          operationId: listStale
          summary: Sources that were never backed up, whose last attempt failed, or that are older than they may be.
          responses:
            "200":
              description: None when all is well.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/sources"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/backups/sources/{profile}/{source}/snapshots:
        get:
          operationId: listSnapshots
          summary: Snapshots of a source, newest first, at most 1000.
          parameters:
            - $ref: "#/components/parameters/profile"
            - name: source
              in: path
              required: true
              schema:
                $ref: "#/components/schemas/name"
            - name: repository
              in: query
              description: The profile's first when none is named.
              schema:
                $ref: "#/components/schemas/name"
          responses:
            "200":
              description: The snapshots.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/snapshots"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/backups/restores:
        post:
          operationId: startRestore
          summary: Restore a source; what is overwritten is saved first, in a snapshot of its own.
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  $ref: "#/components/schemas/restore"
          responses:
            "202":
              $ref: "#/components/responses/started"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/drills:
        get:
          operationId: listDrills
          summary: Drills and what came of them.
          responses:
            "200":
              description: The drills' states, and this host's runs, newest first.
              content:
                application/json:
                  schema:
                    type: object
                    required: [drills, runs]
                    additionalProperties: false
                    properties:
                      drills:
                        type: array
                        items:
                          $ref: "#/components/schemas/drill"
                      runs:
                        type: array
                        items:
                          $ref: "#/components/schemas/run"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/drills/{profile}/{drill}:
        post:
          operationId: startDrill
          summary: Run a drill.
          parameters:
            - $ref: "#/components/parameters/profile"
            - name: drill
              in: path
              required: true
              schema:
                $ref: "#/components/schemas/name"
          responses:
            "202":
              $ref: "#/components/responses/started"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/audits:
        get:
          operationId: listAudits
          summary: Audits that this host has made, newest first.
          responses:
            "200":
              description: The audits.
              content:
                application/json:
                  schema:
                    type: object
                    required: [audits]
                    additionalProperties: false
                    properties:
                      audits:
                        type: array
                        items:
                          $ref: "#/components/schemas/run"
            default:
              $ref: "#/components/responses/problem"
        post:
          operationId: startAudit
          summary: Audit a repository.
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [repository]
                  additionalProperties: false
                  properties:
                    repository:
                      $ref: "#/components/schemas/name"
          responses:
            "202":
              $ref: "#/components/responses/started"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/jobs:
        get:
          operationId: listJobs
          summary: What the service was asked to do since it started, newest first, at most 100.
          responses:
            "200":
              description: The jobs.
              content:
                application/json:
                  schema:
                    type: object
                    required: [jobs]
                    additionalProperties: false
                    properties:
                      jobs:
                        type: array
                        items:
                          $ref: "#/components/schemas/job"
            default:
              $ref: "#/components/responses/problem"
      /api/admin/jobs/{id}:
        get:
          operationId: getJob
          summary: A job, to follow it.
          parameters:
            - name: id
              in: path
              required: true
              schema:
                type: string
                pattern: "^[0-9a-f]{32}$"
          responses:
            "200":
              description: How far it is, or what came of it.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/job"
            default:
              $ref: "#/components/responses/problem"
    components:
      securitySchemes:
        token:
          type: http
          scheme: bearer
      parameters:
        profile:
          name: profile
          in: path
          required: true
          schema:
            $ref: "#/components/schemas/name"
      responses:
        problem:
          description: The request was not carried out.
          content:
            application/problem+json:
              schema:
                $ref: "#/components/schemas/problem"
        started:
          description: It was begun; Location is where to follow it.
          headers:
            Location:
              required: true
              schema:
                type: string
          content:
            application/json:
              schema:
                $ref: "#/components/schemas/job"
      schemas:
        name:
          type: string
          pattern: "^[A-Za-z0-9._-]{1,64}$"
        time:
          type: string
          format: date-time
        problem:
          type: object
          required: [detail, status, title]
          additionalProperties: false
          properties:
            detail:
              type: string
            status:
              type: integer
            title:
              type: string
        health:
          type: object
          required: [status, backups]
          additionalProperties: false
          properties:
            status:
              const: ok
            backups:
              description: Unknown until every repository has been looked at once.
              enum: [ok, degraded, unknown]
            checked:
              $ref: "#/components/schemas/time"
            sources:
              type: integer
            sources_bad:
              type: integer
            repositories_bad:
              type: integer
            drills_bad:
              type: integer
        ready:
          type: object
          required: [status]
          additionalProperties: false
          properties:
            status:
              enum: [ready, starting]
        problems:
          type: array
          items:
            type: object
            required: [kind, level, message]
            additionalProperties: false
            properties:
              kind:
                type: string
              level:
                enum: [bad, warning]
              message:
                type: string
        source:
          type: object
          required: [source, repository, state, ok, evidence, problems]
          properties:
            profile:
              type: string
            source:
              type: string
            repository:
              type: string
            state:
              enum: [ok, running, never, failed, stale, unfinished, future, run, incomplete, alarm]
            ok:
              type: boolean
            evidence:
              enum: [snapshots, journal]
            newest:
              $ref: "#/components/schemas/time"
            age:
              description: Seconds.
              type: integer
            max_age:
              type: integer
            problems:
              $ref: "#/components/schemas/problems"
        sources:
          type: object
          required: [time, sources]
          additionalProperties: false
          properties:
            time:
              $ref: "#/components/schemas/time"
            sources:
              type: array
              items:
                $ref: "#/components/schemas/source"
        drill:
          type: object
          required: [profile, drill, state, ok, problems]
          properties:
            state:
              enum: [ok, running, none, failed, unfinished, overdue, never]
            problems:
              $ref: "#/components/schemas/problems"
        status:
          type: object
          required: [message_type, time, ok, sources, repositories, drills]
          additionalProperties: false
          properties:
            message_type:
              const: status
            time:
              $ref: "#/components/schemas/time"
            ok:
              type: boolean
            sources:
              type: array
              items:
                $ref: "#/components/schemas/source"
            repositories:
              type: array
              items:
                type: object
                required: [name, state, ok, problems]
            drills:
              type: array
              items:
                $ref: "#/components/schemas/drill"
        snapshots:
          type: object
          required: [profile, source, repository, total, snapshots]
          additionalProperties: false
          properties:
            profile:
              type: string
            source:
              type: string
            repository:
              type: string
            total:
              type: integer
            snapshots:
              type: array
              items:
                type: object
                required: [id, time, complete, files, bytes, stored, tags]
                additionalProperties: false
                properties:
                  id:
                    type: string
                    pattern: "^[0-9a-f]{64}$"
                  time:
                    $ref: "#/components/schemas/time"
                  complete:
                    type: boolean
                  files:
                    type: integer
                  bytes:
                    type: integer
                  stored:
                    description: Bytes by which storage grew.
                    type: integer
                  tags:
                    type: array
                    items:
                      type: string
                  set:
                    description: The same for all sources of one run.
                    type: string
        restore:
          type: object
          required: [profile, source]
          additionalProperties: false
          properties:
            profile:
              $ref: "#/components/schemas/name"
            source:
              $ref: "#/components/schemas/name"
            repository:
              $ref: "#/components/schemas/name"
            snapshot:
              description: An id or the beginning of one, latest, latest~N; latest when it is left out.
              type: string
              pattern: "^(?:latest(?:~[0-9]{1,4})?|[0-9a-f]{4,64})$"
            target:
              description: A directory of the service's host; where it was saved when it is left out.
              type: string
              pattern: "^/"
            confirm:
              description: Must be true for a source that is sensitive.
              type: boolean
        run:
          type: object
          required: [id, name, repository, started, result]
          additionalProperties: false
          properties:
            id:
              type: string
            name:
              type: string
            detail:
              type: string
            repository:
              type: string
            started:
              $ref: "#/components/schemas/time"
            ended:
              $ref: "#/components/schemas/time"
            result:
              enum: [started, success, incomplete, failure]
            message:
              type: string
        job:
          type: object
          required: [id, kind, name, state, started, message]
          additionalProperties: false
          properties:
            id:
              type: string
            kind:
              enum: [restore, drill, audit]
            name:
              type: string
            detail:
              type: string
            state:
              enum: [running, succeeded, failed]
            started:
              $ref: "#/components/schemas/time"
            ended:
              $ref: "#/components/schemas/time"
            message:
              type: string
            result: {}

    """#
}
