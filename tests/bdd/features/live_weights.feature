Feature: Live weights
  Each combination of tag, region and device has a share of its own, which is seen and moved while requests come.

  Scenario: One cell is moved, and who met what is counted by combination
    Given a running gateway with stable and canary of the shop
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes:
        geo.city: { type: string, from: [ { header: x-city, trusted: true } ] }
        device.os: { type: string, from: [ { header: x-os, trusted: true } ] }
        user.level: { type: string, from: [ { header: x-level, trusted: true } ] }
      upstreams: { shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets:
            - id: matrix
              nested: [ geo.city, device.os, user.level ]
              table: { 上海: { ios: { vip: { split: scheduled }, "*": { split: scheduled } } } }
          default: { variant: stable }
      """
    When POST /v1/tenants/shop/releases/shop-v2:setWeight is called
      """
      { "weight": "100%", "targets": [ "matrix/上海/ios/vip" ] }
      """
    Then the API answers 200
    When GET / is requested with "X-City: 上海" and "X-Os: ios" and "X-Level: vip"
    Then canary answers
    When GET / is requested with "X-City: 上海" and "X-Os: ios" and "X-Level: new"
    Then stable answers
    And in time /v1/tenants/shop/releases/shop-v2 tells '"exposures":{"canary":1},"scheduled":true,"split":"matrix/上海/ios/vip","weights":{"canary":"100%","stable":"0%"}'
    And in time /v1/tenants/shop/releases/shop-v2 tells '"exposures":{"stable":1},"scheduled":true,"split":"matrix/上海/ios/*","weights":{"stable":"100%"}'
    And in time `halftone status --release shop/shop-v2 --api http://<api>` prints "matrix/上海/ios/vip  canary"
