Feature: Shadow and replay
  Who would move if a bundle were served, before it is: on the requests that come, and on those of an access log.

  Background:
    Given a service stable
    And a service canary
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes: { user.id: { type: string, from: [ { header: x-user-id, trusted: true } ] } }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases: { shop-v2: { upstream: shop, unit: [ user.id ], default: { split: { canary: 20% } } } }
      """
    And the file candidate.yaml
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes: { user.id: { type: string, from: [ { header: x-user-id, trusted: true } ] } }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          unit: [ user.id ]
          targets: [ { id: seven, when: "user.id == 'user-7'", variant: canary } ]
          default: { split: { canary: 20% } }
      """

  Scenario: A candidate is decided on live requests, and nobody moves
    Given `halftone shadow <folder>/candidate.yaml --api http://<api> --requests 20 --for 60s` runs
    When 20 users ask
    Then it has ended with 0
    And it prints "1 of 20 requests (5.0%) and 1 of 20 users (5.0%) would move"
    And it prints "shop/all shop-v2 (default) = stable -> shop/all shop-v2 seven = canary: 1 requests of 1 users"
    And it prints "promote: halftone apply"
    When GET / is requested with "X-User-Id: user-7"
    Then stable answers

  Scenario: One command puts in place what was looked at
    Given `halftone shadow <folder>/candidate.yaml --api http://<api> --requests 20 --for 60s` runs
    When 20 users ask
    Then it has ended with 0
    When the command behind "promote: " is run
    Then it ends with 0
    When GET / is requested with "X-User-Id: user-7"
    Then canary answers

  Scenario: A log is decided again
    When 20 users ask
    Then in time `halftone replay <data>/access.log --against <folder>/candidate.yaml` prints "1 of 20 requests (5.0%) and 1 of 20 users (5.0%) would move"
    And it ends with 0

  Scenario: A line that lacks a value is counted, not guessed
    Given the file other.yaml
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes: { user.age: { type: int, from: [ { header: x-user-age } ] } }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets: [ { id: adults, when: "user.age > 18", variant: canary } ]
          default: { variant: stable }
      """
    When 20 users ask
    Then in time `halftone replay <data>/access.log --against <folder>/other.yaml` prints "20 lines cannot be decided again, for want of header x-user-age"
