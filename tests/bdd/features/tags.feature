Feature: Tags
  What is known of users beside their requests, loaded by the million and changed one by one.

  Scenario: A file is loaded, and every bad line is told
    Given a running gateway
    And the file users.csv
      """
      id,level,age
      u7,vip,30
      u8,vip
      "u,9",,41
      """
    When `halftone tags load <folder>/users.csv --tenant shop --api http://<api>` is run
    Then it ends with 1
    And it prints "users.csv:3: expected 3 fields, got 2"
    And it prints "2 rows loaded; 2 ids have tags, revision 1"
    When GET /v1/tenants/shop/tags/u7 is called
    Then the API tells '"level":"vip"'

  Scenario: One user's tags change
    Given a running gateway
    When PUT /v1/tenants/shop/tags/u7 is called
      """
      { "level": "vip", "age": 30 }
      """
    Then the API answers 200
    When PUT /v1/tenants/shop/tags/u7 is called
      """
      { "level": "new" }
      """
    Then the API tells '"tags":{"level":"new"}'
    When DELETE /v1/tenants/shop/tags/u7 is called
    Then the API answers 204
    When GET /v1/tenants/shop/tags/u7 is called
    Then the API answers 404

  Scenario: A tag decides, and who is not known has the default
    Given a service stable
    And a service canary
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes:
        user.id: { type: string, from: [ { header: x-user-id, trusted: true } ] }
        user.level: { type: string, from: [ { tags: level } ], default: new }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets: [ { id: vip, when: "user.level == 'vip'", variant: canary } ]
          default: { variant: stable }
      """
    When PUT /v1/tenants/shop/tags/u7 is called
      """
      { "level": "vip" }
      """
    And GET / is requested with "X-User-Id: u7"
    Then in time canary answers
    When GET / is requested with "X-User-Id: nobody"
    Then stable answers
