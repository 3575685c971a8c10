Feature: Audiences
  Who meets the canary is said in words, checked before it is served, and can be asked for.

  Background:
    Given a service stable
    And a service canary

  Scenario: Adults of two cities
    Given a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes:
        user.age: { type: int, from: [ { header: x-age, trusted: true } ], alias: age }
        geo.city: { type: string, from: [ { header: x-city, trusted: true } ], alias: city }
      segments:
        adults-tier1: { when: "age > 18 && city in ['北京','上海']" }
      upstreams:
        shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets: [ { id: tier1, when: adults_tier1(), variant: canary } ]
          default: { variant: stable }
      """
    When GET / is requested with "X-Age: 30" and "X-City: 上海"
    Then canary answers
    And the log's last line has "target_id=tier1, reason=TARGETING_MATCH"
    When GET / is requested with "X-Age: 30" and "X-City: 广州"
    Then stable answers
    When GET / is requested with "X-City: 上海"
    Then stable answers
