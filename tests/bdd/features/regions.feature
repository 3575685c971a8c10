Feature: Regions
  Where a caller is, from databases in MaxMind's format: by its address, or as its request says.

  Scenario: Adults of two cities meet the canary, and explain shows the city
    Given a service stable
    And a service canary
    And the region database city.mmdb, built 2 days ago
    And a running gateway with "--geo <folder>/city.mmdb"
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes:
        user.id:  { type: string, from: [ { header: x-user-id, trusted: true } ] }
        user.age: { type: int, from: [ { tags: age } ], alias: age }
        geo.city: { type: string, from: [ { geoip: city, lang: zh-CN } ], alias: city }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets: [ { id: tier1, when: "age > 18 && city in ['北京','上海']", variant: canary } ]
          default: { variant: stable }
      """
    When PUT /v1/tenants/shop/tags/u7 is called
      """
      { "age": 30 }
      """
    And GET / is requested with "X-User-Id: u7" and "X-Forwarded-For: 198.51.100.7"
    Then in time canary answers
    When GET / is requested with "X-User-Id: u7" and "X-Forwarded-For: 198.51.100.140"
    Then stable answers
    When `halftone explain --api http://<api> -H X-User-Id:u7 -H X-Forwarded-For:198.51.100.140 /` is run
    Then it prints 'geo.city is "深圳"'

  Scenario: A circle and a cell, by what the request says
    Given a running gateway with stable and canary of the shop
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes:
        geo.lat: { type: double, from: [ { query: lat } ] }
        geo.lon: { type: double, from: [ { query: lon } ] }
      upstreams: { shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets:
            - { id: near, when: "geo.within(31.23, 121.47, 5)", variant: canary }
            - { id: cell, when: 'geohash.startsWith("wx4g")', variant: canary }
          default: { variant: stable }
      """
    When GET /?lat=31.2304&lon=121.4737 is requested
    Then canary answers
    When GET /?lat=39.9042&lon=116.4074 is requested
    Then canary answers
    When GET /?lat=22.5455&lon=114.0683 is requested
    Then stable answers
    When GET /?lat=122&lon=114.0683 is requested
    Then stable answers

  Scenario: An old database is called so, and a damaged one is refused
    Given the region database city.mmdb, built 40 days ago
    And a running gateway with "--geo <folder>/city.mmdb"
    Then in time `halftone status --api http://<api>` prints "city, Halftone-Test-City, 40 days old: OLD, renew it"
    When the file city.mmdb becomes
      """
      not a database
      """
    Then in time `halftone status --api http://<api>` prints "not used: not a sound database in MaxMind's format"
    And in time `halftone status --api http://<api>` prints "city, Halftone-Test-City, 40 days old"
    When the region database city.mmdb, built 1 day ago
    Then in time `halftone status --api http://<api>` prints "city, Halftone-Test-City, 1 day old"
