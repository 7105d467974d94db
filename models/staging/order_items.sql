select
    order_id,
    line,
    fruit_code,
    cast(quantity as decimal(8, 1)) as quantity,
    cast(coalesce(discount, 0) as decimal(4, 2)) as discount
from raw.order_items
