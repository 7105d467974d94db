select
    order_id,
    customer_code,
    ordered_at,
    cast(ordered_at as date) as ordered_on,
    status,
    status = 'cancelled' as is_cancelled,
    coupon
from raw.orders
