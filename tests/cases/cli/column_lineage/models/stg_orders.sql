select id as order_id, cast(amount as double) as amount, customer, 状態 as status
from raw.orders
where 状態 <> 'cancelled'
