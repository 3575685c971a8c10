Feature: Routing
  Routes choose by host, path, method, headers and query, the most specific first.

  Background:
    Given a service stable
    And a service canary
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        old: { variants: { stable: { addresses: [ '<stable>' ] } } }
        new: { variants: { stable: { addresses: [ '<canary>' ] } } }
      routes:
        - name: shop
          hostnames: [ shop.example, '*.shop.example' ]
          rules:
            - matches: [ { path: { type: PathPrefix, value: / } } ]
              upstream: old
            - matches:
                - { path: { type: PathPrefix, value: /new } }
                - { path: { type: Exact, value: /only } }
                - { method: DELETE }
                - { headers: [ { name: x-new, value: 'yes' } ] }
                - { queryParams: [ { name: new, value: 'yes' } ] }
              upstream: new
      """

  Scenario Outline: <what>
    When this is sent
      """
      <line> HTTP/1.1
      Host: <host>
      <field>
      """
    Then <who> answers

    Examples:
      | what                              | line           | host            | field             | who    |
      | Nothing special                   | GET /          | shop.example    | X-A: b            | stable |
      | A path below a prefix             | GET /new/thing | shop.example    | X-A: b            | canary |
      | A path that only begins like it   | GET /newer     | shop.example    | X-A: b            | stable |
      | An exact path                     | GET /only      | shop.example    | X-A: b            | canary |
      | A path below an exact one         | GET /only/this | shop.example    | X-A: b            | stable |
      | A path that is written with dots  | GET /a/../new  | shop.example    | X-A: b            | canary |
      | A method                          | DELETE /       | shop.example    | X-A: b            | canary |
      | A header                          | GET /          | shop.example    | X-New: yes        | canary |
      | A header with another value       | GET /          | shop.example    | X-New: no         | stable |
      | A query parameter                 | GET /?new=yes  | shop.example    | X-A: b            | canary |
      | A host below a wildcard, and port | GET /new       | a.SHOP.example:80 | X-A: b          | canary |

  Scenario: A host that nobody has
    When GET / is requested with "Host: other.example"
    Then the answer is 404
    And the answer's proxy-status says "halftone"
