/*---
materialized: incremental   # orders are changed by their key; `suiro build --full-refresh` makes the table anew
unique_key: order_id
indexes: [{columns: [customer_code]}]
---*/
-- One row per order. A bare name means the relation in this model's own schema: order_items is core.order_items.
with totals as (
    select
        order_id,
        count(*) as lines,
        sum(amount_yen) as amount_yen
    from order_items
    group by order_id
)

select
    orders.order_id,
    orders.customer_code,
    orders.ordered_at,
    orders.ordered_on,
    orders.status,
    orders.is_cancelled,
    orders.coupon,
    cast(coalesce(totals.lines, 0) as integer) as lines,
    cast(coalesce(totals.amount_yen, 0) as integer) as amount_yen
from staging.orders as orders
left join totals on totals.order_id = orders.order_id
