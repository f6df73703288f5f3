/// docs/server-openapi.yaml as the server shows it; written by scripts/server-description.
enum OpenAPIDescription {
  static let text = #"""
    openapi: 3.1.0
    info:
      title: Varve storage server
      version: "1"
      summary: Repositories of Varve over HTTP.
      description: |
        A repository is a set of named byte strings (docs/format.md, section 3). The server keeps them, checks those that are
        named by their SHA-256, and has no key to anything in them. What a token may do depends on its kind and on the name
        of the object; docs/server.md has the rules.

        Slashes in an object's name may stand in the path as they are, or percent-encoded.
      license:
        name: Apache 2.0
        identifier: Apache-2.0
    security:
      - token: []
    paths:
      /openapi.yaml:
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
      /v1/{repository}/:
        parameters:
          - $ref: "#/components/parameters/repository"
        get:
          operationId: listObjects
          summary: Names and sizes of objects, ascending by name, a page at a time.
          parameters:
            - name: list
              in: query
              required: true
              allowEmptyValue: true
              description: The directory whose objects are listed, at any depth; empty for the whole repository.
              schema:
                type: string
                maxLength: 256
                pattern: "^(?:(?!tmp(?:/|$))[a-z0-9-][a-z0-9.-]*(?:/[a-z0-9-][a-z0-9.-]*)*/?)?$"
            - name: after
              in: query
              description: Only names behind this one; the "next" of the page before.
              schema:
                $ref: "#/components/schemas/objectName"
            - name: limit
              in: query
              schema:
                type: integer
                minimum: 1
                maximum: 5000
                default: 5000
          responses:
            "200":
              description: A page.
              content:
                application/json:
                  schema:
                    $ref: "#/components/schemas/page"
            "404":
              description: There is no such repository.
              content:
                application/problem+json:
                  schema:
                    $ref: "#/components/schemas/problem"
            default:
              $ref: "#/components/responses/problem"
        post:
          operationId: createRepository
          summary: Make the place of a repository. Needs a token of the kind full.
          responses:
            "201":
              description: It was made.
            "204":
              description: It was there.
            default:
              $ref: "#/components/responses/problem"
      /v1/{repository}/{name}:
        parameters:
          - $ref: "#/components/parameters/repository"
          - name: name
            in: path
            required: true
            schema:
              $ref: "#/components/schemas/objectName"
        get:
          operationId: readObject
          summary: An object's bytes, or a range of them.
          parameters:
            - name: Range
              in: header
              description: One range of bytes, such as bytes=0-99; what is no such thing is passed over.
              schema:
                type: string
          responses:
            "200":
              description: All of it.
              headers:
                Varve-Modified:
                  $ref: "#/components/headers/modified"
              content:
                application/octet-stream:
                  schema:
                    type: string
                    format: binary
            "206":
              description: The range.
              headers:
                Content-Range:
                  required: true
                  schema:
                    type: string
                Varve-Modified:
                  $ref: "#/components/headers/modified"
              content:
                application/octet-stream:
                  schema:
                    type: string
                    format: binary
            "416":
              description: The object ends before the range begins.
              headers:
                Content-Range:
                  required: true
                  schema:
                    type: string
              content:
                application/problem+json:
                  schema:
                    $ref: "#/components/schemas/problem"
            default:
              $ref: "#/components/responses/problem"
        head:
          operationId: describeObject
          summary: An object's size, and when it was stored.
          responses:
            "200":
              description: Content-Length says the size.
              headers:
                Varve-Modified:
                  $ref: "#/components/headers/modified"
            default:
              description: The request was not carried out.
        put:
          operationId: storeObject
          summary: Store an object. It is durable when the answer comes.
          parameters:
            - name: If-None-Match
              in: header
              description: Only if there is no object of that name. Of any number of racing requests exactly one is answered with 201.
              schema:
                type: string
                enum: ["*"]
          requestBody:
            required: false
            description: The object's bytes; none for an empty object.
            content:
              application/octet-stream:
                schema:
                  type: string
                  format: binary
          responses:
            "201":
              description: It is stored; there was none of that name.
            "204":
              description: It is stored in place of another one.
            "409":
              description: There is an object of that name, and it is of those that are never replaced.
              content:
                application/problem+json:
                  schema:
                    $ref: "#/components/schemas/problem"
            "412":
              description: There is an object of that name.
              content:
                application/problem+json:
                  schema:
                    $ref: "#/components/schemas/problem"
            "422":
              description: The SHA-256 of the bytes is not the one in the name.
              content:
                application/problem+json:
                  schema:
                    $ref: "#/components/schemas/problem"
            "507":
              description: The repository's quota, or the disk, has no room for it.
              content:
                application/problem+json:
                  schema:
                    $ref: "#/components/schemas/problem"
            default:
              $ref: "#/components/responses/problem"
        delete:
          operationId: removeObject
          summary: Delete an object.
          responses:
            "204":
              description: It is gone.
            default:
              $ref: "#/components/responses/problem"
        post:
          operationId: settleObject
          summary: Make sure that an object which can be read would survive a power loss.
          responses:
            "204":
              description: It would.
            default:
              $ref: "#/components/responses/problem"
    components:
      securitySchemes:
        token:
          type: http
          scheme: bearer
          description: A token that "varve server-token add" printed.
      parameters:
        repository:
          name: repository
          in: path
          required: true
          schema:
            type: string
            minLength: 1
            maxLength: 64
            pattern: "^(?!tmp$)[a-z0-9-][a-z0-9.-]*$"
            description: Lower-case letters, digits, dots and hyphens; no dot in front; not "tmp".
      headers:
        modified:
          required: true
          description: When the object was stored, by the server's clock, in seconds since 1970-01-01T00:00:00Z with nine decimals.
          schema:
            type: string
            pattern: "^-?[0-9]+\\.[0-9]{9}$"
      schemas:
        objectName:
          type: string
          minLength: 1
          maxLength: 255
          description: |
            Components of lower-case letters, digits, dots and hyphens, joined by single slashes; none begins with a dot, and
            the first is not "tmp".
          pattern: "^(?!tmp(?:/|$))[a-z0-9-][a-z0-9.-]*(?:/[a-z0-9-][a-z0-9.-]*)*$"
        page:
          type: object
          additionalProperties: false
          required: [objects]
          properties:
            objects:
              type: array
              maxItems: 5000
              items:
                type: object
                additionalProperties: false
                required: [name, size]
                properties:
                  name:
                    type: string
                  size:
                    type: integer
                    minimum: 0
            next:
              type: string
              description: There may be more objects behind this name; missing on the last page.
        problem:
          type: object
          required: [status, title, detail]
          properties:
            status:
              type: integer
            title:
              type: string
            detail:
              type: string
            type:
              type: string
              description: >-
                With status 500, `urn:varve:problem:unreadable-object`: the object that was asked for cannot be read, and asking
                again does not help; others can be.
      responses:
        problem:
          description: The request was not carried out.
          content:
            application/problem+json:
              schema:
                $ref: "#/components/schemas/problem"

    """#
}
