export{c17_a as a,c17_b as b,c17_c as c,c17_d as d,c17_e as e,c17_f as f,c17_g as g,c17_h as h,c17_i as i,c17_j as j,c17_k as k,c17_l as l,c17_m as m,c17_n as n}from"../sign.js";
