Feature: Lists of ids
  Segments whose members were loaded by the million, told on the gateway itself.

  Scenario: A list is loaded, shown and removed
    Given a running gateway
    And the file staff.txt
      """
      u7
      u8
      u7
      """
    When `halftone segments load staff <folder>/staff.txt --tenant shop --api http://<api>` is run
    Then it ends with 0
    And it prints 'staff.txt: warning: tenant "shop" has no bundle, so nothing asks for what was loaded'
    And it prints "shop/staff: 2 ids, revision 1"
    When `halftone segments list --tenant shop --api http://<api>` is run
    Then it prints "shop/staff: 2 ids, revision 1"
    When `halftone segments remove staff --tenant shop --api http://<api>` is run
    Then it prints "shop/staff is removed"
    When GET /v1/tenants/shop/segments/staff is called
    Then the API answers 404

  Scenario: One bad line leaves the list as it is, and is told
    Given a running gateway
    And the file good.csv
      """
      name,id
      Li,u7
      """
    And the file bad.csv
      """
      name,id
      Li,u8
      Wang
      """
    When `halftone segments load staff <folder>/good.csv --tenant shop --api http://<api>` is run
    Then it ends with 0
    When `halftone segments load staff <folder>/bad.csv --tenant shop --api http://<api>` is run
    Then it ends with 1
    And it prints "line 3: expected 2 fields, got 1"
    When GET /v1/tenants/shop/segments/staff is called
    Then the API tells '"revision":1'

  Scenario: Members meet the canary, and who is none does not
    Given a service stable
    And a service canary
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes: { user.id: { type: string, from: [ { header: x-user-id, trusted: true } ] } }
      segments: { staff: { members: staff } }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets: [ { id: staff, when: 'segment("staff")', variant: canary } ]
          default: { variant: stable }
      """
    When GET / is requested with "X-User-Id: u7"
    Then stable answers
    When PUT /v1/tenants/shop/segments/staff is called
      """
      u7
      """
    Then the API answers 200
    When GET / is requested with "X-User-Id: u7"
    Then in time canary answers
    When GET / is requested with "X-User-Id: u8"
    Then stable answers
    When GET / is requested
    Then stable answers
